"""The declared gaps: names of PyTorch's that are not here, why, and what to write instead.

One table for three readers: the error that a program gets (`torch/_names.py`), `python -m functorch_jax check`, and
docs/support.md. A name is dotted from `torch` or `functorch` on; `*` stands for anything, further dots included. A name
that comes to exist must leave the table: tests/test_names.py holds it to that.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

__all__ = ["GAPS", "Gap", "find", "why"]


class Gap(NamedTuple):
    """Names that are missing for one reason.

    `title` heads the group in docs/support.md, `reason` and `instead` are what the error says, `names` are separated by
    spaces, and `besides` lists what a wildcard among them covers and is there all the same.
    """

    title: str
    reason: str
    instead: str
    names: str
    besides: str = ""

    def covers(self, name: str) -> bool:
        return bool(_pattern(self.names).fullmatch(name)) and name not in self.besides.split()


@functools.cache
def _pattern(names: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in names.split()))


@functools.lru_cache(maxsize=4096)
def find(name: str) -> Gap | None:
    """The gap that covers a dotted name, or anything above it: `torch.fx` for "torch.fx.Node"."""
    while name:
        for gap in GAPS:
            if gap.covers(name):
                return gap
        name = name.rpartition(".")[0]
    return None


def why(name: str) -> str | None:
    """What the error says of a gap: the reason, and what to write instead. None for a name in no gap."""
    gap = find(name)
    if gap is None:
        return None
    return f"{gap.reason}. Instead: {gap.instead}" if gap.instead else gap.reason


GAPS: tuple[Gap, ...] = (
    Gap(
        "Sparse tensors",
        "JAX arrays are dense",
        "keep the tensor dense (PyTorch's x.to_dense() before it is saved), or use index_add_ and scatter_add_ for "
        "sums over indices, and jax.experimental.sparse on t.jax() for large products",
        """
        torch.sparse torch.sparse_coo_tensor torch.sparse_csr_tensor torch.sparse_csc_tensor torch.sparse_bsr_tensor
        torch.sparse_bsc_tensor torch.sparse_compressed_tensor torch.Tensor.to_sparse torch.Tensor.to_sparse_*
        torch.Tensor.to_dense torch.Tensor.to_padded_tensor torch.Tensor.indices torch.Tensor._indices
        torch.Tensor.values torch.Tensor._values torch.Tensor.crow_indices torch.Tensor.col_indices
        torch.Tensor.ccol_indices torch.Tensor.row_indices torch.Tensor.coalesce torch.Tensor.is_coalesced
        torch.Tensor.dense_dim torch.Tensor.sparse_dim torch.Tensor.sparse_mask torch.Tensor.sparse_resize_
        torch.Tensor.sparse_resize_and_clear_ torch.Tensor.sspaddmm torch.Tensor.smm torch.Tensor.resize_as_sparse_
        torch.resize_as_sparse_ torch.smm torch.dsmm torch.hsmm torch.hspmm torch.spmm torch.saddmm torch.sspaddmm
        torch.ccol_indices_copy torch.col_indices_copy torch.crow_indices_copy torch.indices_copy
        torch.row_indices_copy torch.values_copy torch.optim.SparseAdam
        """,
    ),
    Gap(
        "Quantized tensors",
        "quantized types are not part of this package",
        "train and evaluate in bfloat16, by torch.autocast or x.bfloat16()",
        """
        torch.quantize_* torch.quantized_* torch.quantization torch.ao torch.q_* torch.qint* torch.quint* torch.qscheme
        torch.QInt*Storage torch.QUInt*Storage torch.per_channel_* torch.per_tensor_* torch.int_repr torch.dequantize
        torch.fake_quantize_* torch.fbgemm_* torch.empty_quantized torch.fused_moving_avg_obs_fake_quant
        torch.choose_qparams_optimized torch.Tensor.q_* torch.Tensor.qscheme torch.Tensor.int_repr
        torch.Tensor.dequantize torch.nn.quantized torch.nn.qat torch.nn.intrinsic torch.nn.quantizable
        torch.backends.quantized
        """,
    ),
    Gap(
        "Distributed training",
        "processes and collectives are not part of this package; torch.distributed.is_available() is False",
        "run in one process, and give JAX a sharding: jax.device_put(t.jax(), sharding) and jax.jit spread any "
        "function over devices",
        """
        torch.distributed.* torch.nn.parallel.*
        """,
        besides="torch.distributed.is_available torch.distributed.is_initialized torch.nn.parallel.DataParallel",
    ),
    Gap(
        "TorchScript",
        "there is no TorchScript; torch.jit.script and torch.jit.trace give back the function itself",
        "save model.state_dict() with torch.save, and build the model in Python",
        """
        torch.jit.Attribute torch.jit.CompilationUnit torch.jit.Future torch.jit.ONNXTracedModule
        torch.jit.Recursive* torch.jit.Script* torch.jit.TopLevelTracedModule torch.jit.TracedModule
        torch.jit.TracingCheckError torch.jit.enable_onednn_fusion torch.jit.export_opnames torch.jit.fuser
        torch.jit.jit_module_from_flatbuffer torch.jit.last_executed_optimized_graph torch.jit.load
        torch.jit.onednn_fusion_enabled torch.jit.optimize_for_inference torch.jit.run_frozen_optimizations
        torch.jit.save torch.jit.save_jit_module_to_flatbuffer torch.jit.script_method torch.jit.set_fusion_strategy
        torch.jit.set_module torch.jit.strict_fusion torch.jit.trace_module torch.jit.frontend
        torch.AVG torch.SUM torch.AggregationType torch.AliasDb torch.AnyType torch.Argument* torch.AwaitType
        torch.Benchmark* torch.Block torch.BoolType torch.CallStack torch.Capsule torch.ClassType torch.Code
        torch.CompilationUnit torch.CompleteArgumentSpec torch.ComplexType torch.ConcreteModuleType*
        torch.DeepCopyMemoTable torch.DeserializationStorageContext torch.DeviceObjType torch.DictType torch.EnumType
        torch.ErrorReport torch.ExecutionPlan torch.FatalError torch.FileCheck torch.FloatType torch.FunctionSchema
        torch.Future torch.FutureType torch.Gradient torch.Graph torch.GraphExecutorState torch.IODescriptor
        torch.InferredType torch.IntType torch.InterfaceType torch.JITException torch.ListType torch.LiteScriptModule
        torch.LockingLogger torch.LoggerBase torch.ModuleDict torch.Node torch.NoneType torch.NoopLogger
        torch.NumberType torch.OperatorInfo torch.OptionalType torch.ParameterDict torch.BufferDict torch.PyObjectType
        torch.PyTorchFile* torch.RRefType torch.Script* torch.SerializationStorageContext torch.StaticModule
        torch.StreamObjType torch.StringType torch.SymBoolType torch.SymIntType torch.TensorType
        torch.ThroughputBenchmark torch.TracingState torch.TupleType torch.Type torch.UnionType torch.Use torch.Value
        torch.fork torch.wait torch.import_ir_module* torch.merge_type_from_type_comment torch.parse_*
        torch.unify_type_list
        torch.utils.ThroughputBenchmark torch.classes torch.testing.FileCheck torch.futures
        """,
        besides="torch.jit.ScriptWarning",
    ),
    Gap(
        "Captured graphs",
        "functions are not captured as graphs of PyTorch's",
        "jax.make_jaxpr(f)(*arrays) shows what f computes, and jax.jit(f) compiles it: both take functions of tensors",
        """
        functorch.compile functorch.make_fx torch.fx torch.export torch.onnx torch._export torch._functorch
        torch._subclasses torch._prims* torch._decomp torch._refs torch._C._functorch torch._logging torch._guards
        torch._dynamo.optimize torch._dynamo.explain torch._dynamo.export torch._dynamo.testing torch._dynamo.utils
        torch.compiler.CacheInfo torch.compiler.NestedCompileRegionOptions torch.compiler.*_cache_artifacts
        torch.compiler.load_compiled_function torch.compiler.*nested_compile_region torch.compiler.*_unsafe
        torch.compiler.*_default_backend torch.compiler.set_enable_guard_collectives
        torch.compiler.substitute_in_graph torch.compiler.wrap_numpy
        """,
    ),
    Gap(
        "First-class dimensions",
        "functorch.dim is not here yet",
        "vmap over the dimension, torch.einsum, or einops",
        "functorch.dim",
    ),
    Gap(
        "Kernels of one backend",
        "it names a kernel of one of PyTorch's backends",
        "the function without the prefix: torch.nn.functional.conv2d, batch_norm, grid_sample, dropout and so on, "
        "which XLA compiles for the device",
        """
        torch.cudnn_* torch.miopen_* torch.mkldnn_* torch.native_channel_shuffle torch.native_dropout torch.native_norm
        torch.batch_norm_* torch.affine_grid_generator torch.convolution
        torch.Tensor.to_mkldnn torch.nn.functional.native_channel_shuffle
        torch.nn.functional.*grouped_mm torch.nn.functional.scaled_mm torch.nn.functional.ScalingType
        torch.nn.functional.SwizzleType torch.has_lapack torch.has_mkl torch.has_openmp torch.has_spectral
        """,
    ),
    Gap(
        "Symbolic sizes",
        "sizes are Python integers, also while a function is compiled",
        "the Python operation itself: int, max, min, math.sqrt, sum",
        "torch.sym_* torch.SymBool torch.SymFloat torch.SymInt torch.types.Sym* torch.types.py_sym_types",
    ),
    Gap(
        "Storages",
        "a JAX array does not show its memory",
        "t.data_ptr() tells which tensors share it, t.nbytes how much it is, and t.numpy() gives the values",
        """
        torch.*Storage torch.StorageBase
        torch.storage torch.Tensor.storage torch.Tensor.untyped_storage torch.Tensor.storage_type torch.from_file
        torch.Tensor.const_data_ptr torch.prepare_multiprocessing_environment
        """,
        besides="torch.types.Storage",
    ),
    Gap(
        "Narrow types",
        "XLA has no such type",
        "torch.int8 or torch.uint8; torch.float8_e4m3fn, torch.float8_e5m2 or torch.bfloat16; torch.complex64",
        """
        torch.bit torch.bits* torch.int1 torch.int2 torch.int3 torch.int4 torch.int5 torch.int6 torch.int7 torch.uint1
        torch.uint2 torch.uint3 torch.uint4 torch.uint5 torch.uint6 torch.uint7 torch.float4_e2m1fn_x2
        torch.float8_e4m3fnuz torch.float8_e5m2fnuz torch.float8_e8m0fnu torch.complex32 torch.chalf torch.Tensor.chalf
        """,
    ),
    Gap(
        "What PyTorch itself has dropped",
        "PyTorch keeps the name and no use of it",
        "x[indices] for index; a torch.distributions estimator for reinforce",
        """
        torch.Tensor.reinforce torch.Tensor.volatile torch.Tensor.index torch.nn.Module.T_destination
        torch.nn.Module.dump_patches torch.legacy_contiguous_format torch.cuda.amp.amp_definitely_not_available
        torch.init_num_threads
        torch.is_distributed torch.Tensor.is_distributed torch.utils.set_module
        """,
    ),
    Gap(
        "Overriding functions",
        "PyTorch's functions do not ask `__torch_function__` or `__torch_dispatch__` here",
        "wrap the functions you call, or transform the program with jax.make_jaxpr",
        """
        torch.overrides.TorchFunctionMode torch.overrides.BaseTorchFunctionMode torch.overrides.enable_*
        torch.overrides.get_* torch.overrides.is_tensor_method_or_property
        torch.overrides.redispatch_function torch.overrides.resolve_name torch.overrides.wrap_torch_function
        torch.DisableTorchFunction torch.DisableTorchFunctionSubclass torch.DispatchKey torch.DispatchKeySet
        torch.ExcludeDispatchKeyGuard torch.Tag torch.utils._python_dispatch torch.types.DispatchKey torch._ops
        """,
    ),
    Gap(
        "Registering ops",
        "ops are Python functions: torch.library.custom_op differentiates through the body",
        "a torch.autograd.Function, for a derivative of your own",
        """
        torch.library.EffectType torch.library.Library torch.library.OpOverload torch.library.define
        torch.library.fallthrough_kernel torch.library.get_* torch.library.impl torch.library.impl_abstract
        torch.library.infer_schema torch.library.opcheck torch.library.register_autocast
        torch.library.register_autograd torch.library.register_kernel torch.library.register_torch_dispatch
        torch.library.register_vmap torch.library.triton_op torch.library.wrap_triton torch.library.CustomOpDef.*
        torch.utils.cpp_extension torch.ops.aten torch.ops.prims
        """,
    ),
    Gap(
        "Nested and masked tensors",
        "JAX arrays are rectangular",
        "pad (torch.nn.utils.rnn.pad_sequence) and mask with torch.where",
        """
        torch.nested torch.jagged torch.masked.MaskedTensor torch.masked.as_masked_tensor torch.masked.is_masked_tensor
        torch.masked.masked_tensor
        """,
    ),
    Gap(
        "Other packages around PyTorch",
        "it is a tool of its own around PyTorch",
        "tensorboardX or tensorboard's own writer for logs; plain pickle, urllib and multiprocessing for the rest",
        """
        torch.utils.tensorboard torch.package torch.utils.bottleneck torch.utils.mobile_optimizer torch.utils.model_zoo
        torch.monitor torch.hub.load torch.hub.list torch.hub.help torch.hub.READ_DATA_CHUNK torch.multiprocessing
        torch.utils.data.datapipes torch.utils.data.*DataPipe torch.utils.data.DataChunk
        torch.utils.data.*_datapipe torch.utils.data.runtime_validation* torch.utils.data.argument_validation
        torch.utils.data.guaranteed_datapipes_determinism torch.utils.data.non_deterministic
        torch.utils.collect_env torch.windows torch.quasirandom
        """,
    ),
    Gap(
        "Other devices",
        "devices are JAX's: 'cpu', 'cuda' and 'tpu'",
        "torch.cuda.is_available(), torch.device('tpu'), or --device auto on the command line",
        """
        torch.mps torch.xpu torch.mtia torch.cpu torch.accelerator torch.Tensor.is_ipu torch.Tensor.is_maia
        torch.Tensor.is_mtia torch.Tensor.is_vulkan torch.Tensor.is_xpu torch.Tensor.ipu torch.Tensor.mtia
        torch.Tensor.xpu torch.nn.Module.ipu torch.nn.Module.mtia torch.nn.Module.xpu torch.*autocast_ipu_*
        torch.*autocast_xla_* torch.utils.*_privateuse1_backend torch.get_device_module
        """,
    ),
    Gap(
        "CUDA's own interface",
        "XLA runs the GPU, and keeps its kernels, graphs, memory and clocks to itself",
        "torch.cuda.memory_stats() for memory; nvidia-smi for clocks; jax.jit for what CUDA graphs are for",
        """
        torch.cuda.AcceleratorError torch.AcceleratorError torch.cuda.CUDAGraph torch.cuda.CUDAPluggableAllocator
        torch.cuda.CudaError torch.cuda.DeferredCudaCallError torch.cuda.ExternalStream torch.cuda.GreenContext
        torch.cuda.MemPool torch.cuda.StreamContext torch.cuda.caching_allocator_* torch.cuda.can_device_access_peer
        torch.cuda.change_current_allocator torch.cuda.check_error torch.cuda.clock_rate torch.cuda.cudaStatus
        torch.cuda.cudart torch.cuda.current_*_handle torch.cuda.default_generators torch.cuda.device_memory_used
        torch.cuda.device_of torch.cuda.get_allocator_backend torch.cuda.get_arch_list torch.cuda.get_gencode_flags
        torch.cuda.get_per_process_memory_fraction torch.cuda.get_stream_from_external torch.cuda.*_sync_debug_mode
        torch.cuda.graph torch.cuda.graph_pool_handle torch.cuda.graphs torch.cuda.has_* torch.cuda.host_memory_stats*
        torch.cuda.is_current_stream_capturing torch.cuda.is_tf32_supported
        torch.cuda.list_gpu_processes torch.cuda.make_graphed_callables torch.cuda.max_memory_cached
        torch.cuda.memory_cached torch.cuda.memory_snapshot torch.cuda.memory_stats_as_nested_dict
        torch.cuda.memory_usage torch.cuda.power_draw torch.cuda.reset_accumulated_host_memory_stats
        torch.cuda.reset_peak_host_memory_stats torch.cuda.set_per_process_memory_fraction torch.cuda.temperature
        torch.cuda.use_mem_pool torch.cuda.utilization torch.cuda.*Tensor
        torch.cuda.nvtx torch.cuda.nccl torch.cuda.memory
        torch.cuda.profiler torch.cuda.tunable torch.cuda.jiterator torch.cuda.sparse torch.cuda.classproperty
        torch.Tensor.record_stream torch.profiler_allow_cudagraph_cupti_lazy_reinit_cuda12
        """,
    ),
    Gap(
        "Forms of an op that programs reach by another name",
        "it is how PyTorch calls itself",
        "the public form: torch.nn.functional.kl_div, embedding_bag, binary_cross_entropy_with_logits, cross_entropy; "
        "a torch.autocast block; x.copy_, x.contiguous; torch.Generator.get_state",
        """
        torch.kl_div torch.embedding_bag torch.binary_cross_entropy_with_logits torch.autocast_*_nesting
        torch.hash_tensor
        torch.Tensor.hash_tensor torch.slice_inverse torch.Tensor.slice_inverse torch.Tensor.module_load
        torch.Tensor.grad_dtype torch.Tensor.map2_ torch.Tensor.dim_order torch.Generator.get_offset
        torch.Generator.set_offset torch.utils.swap_tensors
        """,
    ),
    Gap(
        "Recorded profiles",
        "torch.profiler records nothing here",
        "jax.profiler.trace(directory), which TensorBoard and Perfetto show",
        """
        torch.profiler.DeviceType torch.profiler.ExecutionTraceObserver torch.profiler.KinetoStepTracker
        torch.profiler.ProfilerAction torch.profiler.RecordScope torch.profiler.is_fbcode
        torch.profiler.kineto_available torch.profiler.register_optimizer_step_post_hook
        torch.profiler.supported_activities torch.utils.get_cpp_backtrace
        torch.autograd.Profiler* torch.autograd.kineto_available torch.autograd.DeviceType torch.autograd.SavedTensor
        torch.autograd.enforce_grad_layout_policy torch.autograd.NestedIOFunction
        """,
    ),
)
