"""Averages of models, and the schedule that goes with them."""

from tests.oracle.case import case, error, floats


def averaged(make, **options):
    def program(t):
        swa = t.optim.swa_utils
        model = t.nn.BatchNorm1d(2)
        mean = swa.AveragedModel(model, **make(swa), **options)
        seen = []
        for i in range(3):
            with t.no_grad():
                model.weight.fill_(i + 1.0)
                model.bias.copy_(t.tensor([0.5 * i, -float(i)]))
                model.running_mean.fill_(float(i))
            mean.update_parameters(model)
            seen.append({k: v.clone() for k, v in mean.state_dict().items()})
        return seen, mean.eval()(t.ones(2, 2)).detach()

    return program


def schedule(**options):
    def program(t):
        p = [t.nn.Parameter(t.ones(1)) for _ in range(2)]
        optimizer = t.optim.SGD([{"params": p[:1]}, {"params": p[1:], "lr": 0.5}], lr=0.1)
        scheduler = t.optim.swa_utils.SWALR(optimizer, **options)
        seen = []
        for _ in range(6):
            optimizer.step()
            scheduler.step()
            seen.append(list(scheduler.get_last_lr()))
        return seen, scheduler.state_dict(), [sorted(g) for g in optimizer.param_groups]

    return program


def statistics(t, x, y):
    model = t.nn.Sequential(t.nn.BatchNorm1d(3, momentum=0.3)).eval()
    t.optim.swa_utils.update_bn([(x, 1), y], model)
    return model.state_dict(), model[0].momentum, model.training


CASES = [
    case("the plain mean", averaged(lambda swa: {})),
    case("a function of one's own", averaged(lambda swa: {"avg_fn": lambda mean, new, n: mean + new * n})),
    case("a mean that forgets", averaged(lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.6)})),
    case("lists", averaged(lambda swa: {"multi_avg_fn": swa.get_swa_multi_avg_fn()})),
    case("lists that forget", averaged(lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.6)}, use_buffers=True)),
    case("statistics of batches", statistics, floats(4, 3), floats(4, 3)),
    case("SWALR", schedule(swa_lr=0.05, anneal_epochs=4)),
    case("SWALR, linear, for each group", schedule(swa_lr=[0.05, 0.2], anneal_epochs=3, anneal_strategy="linear")),
    case("SWALR at once", schedule(swa_lr=0.05, anneal_epochs=0)),
    error("both functions", lambda t: t.optim.swa_utils.AveragedModel(t.nn.ReLU(), None, 1, 2), fragment="Only one of"),
    error("a decay over 1", lambda t: t.optim.swa_utils.get_ema_avg_fn(2), fragment="Invalid decay value 2"),
    error("an unknown strategy", schedule(swa_lr=0.1, anneal_strategy="x"), fragment="instead got x"),
    error("another number of groups", schedule(swa_lr=[0.1]), fragment="swa_lr has 1 values, param_groups has 2"),
]
