"""Placeholder: being written."""


def _todo(*args, **kwargs):
    raise NotImplementedError


functional_call = stack_module_state = replace_all_batch_norm_modules_ = _todo
make_functional = make_functional_with_buffers = combine_state_for_ensemble = FunctionalModule = (
    FunctionalModuleWithBuffers
) = _todo
