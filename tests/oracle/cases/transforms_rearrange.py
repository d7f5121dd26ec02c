"""rearrange: einops patterns, under transforms, and every misuse."""

from __future__ import annotations

from tests.oracle.case import case, error, floats, right

X = floats(2, 3, 4)
M = floats(2, 3)

PATTERNS = {
    "a permutation": ("a b c -> c a b", {}, X),
    "the identity": ("a b c -> a b c", {}, X),
    "a merged axis": ("a b c -> a (b c)", {}, X),
    "all axes merged": ("a b c -> (c b a)", {}, X),
    "a split axis": ("a b (c d) -> a b d c", {"c": 2}, X),
    "split and merged": ("a b (c d) -> (a c) (b d)", {"d": 2}, X),
    "axes of size 1 added": ("a b -> a 1 b 1", {}, M),
    "() added": ("a b -> a () b", {}, M),
    "axes of size 1 removed": ("a 1 b -> a b", {}, floats(2, 1, 3)),
    "() removed": ("a () b -> b a", {}, floats(2, 1, 3)),
    "an ellipsis": ("a ... -> ... a", {}, X),
    "an ellipsis of no axes": ("a b c ... -> c b a ...", {}, X),
    "an ellipsis in the middle": ("a ... c -> c ... a", {}, floats(2, 3, 4, 5)),
    "an ellipsis merged": ("a ... -> a (...)", {}, X),
    "names of several letters": ("batch height width -> width (batch height)", {}, X),
    "a length that is given and known": ("a b -> b a", {"a": 2}, M),
    "several lengths": ("(a b c) d -> a b c d", {"a": 2, "b": 2}, floats(8, 2)),
    "spaces": ("  a   b->b a ", {}, M),
    "an empty tensor": ("a b -> b a", {}, floats(0, 3)),
    "space to depth": ("b (h p) (w q) -> b h w (p q)", {"p": 2, "q": 2}, floats(1, 4, 2)),
    "no axes": (" -> ", {}, floats()),
}

REFUSED = {
    "no arrow": ("a b", {}, "Pattern must contain a single '->' separator"),
    "two arrows": ("a -> b -> a", {}, "Pattern must contain a single '->' separator"),
    "a repeated axis": ("b b -> b", {}, "Indexing expression contains duplicate dimension 'b'"),
    "an axis on the left alone": ("a b -> a", {}, "Identifiers only on one side of rearrange expression"),
    "an axis on the right alone": ("a b -> a b c", {}, "Identifiers only on one side of rearrange expression"),
    "too many axes": ("a b c -> c b a", {}, r"Number of dimensions in pattern \(3\) must be equal to the number of dimensions in the tensor \(2\)"),
    "a length for no axis": ("a b -> b a", {"c": 2}, "Identifiers not found in rearrange expression"),
    "an unnamed axis of size 2": ("2 b -> b 2", {}, "rearrange only supports unnamed axes of size 1"),
    "a character that is none": ("a b - > a b", {}, "Unknown character|Pattern must contain a single '->' separator"),
    "a strange character": ("a b! -> a b", {}, "Unknown character '!'"),
    "a name with an underscore in front": ("_b a -> a _b", {}, "Invalid axis identifier: _b"),
    "parentheses that do not match": ("(a b -> b a", {}, "Imbalanced parentheses"),
    "parentheses in parentheses": ("((a b)) -> a b", {}, "Axis composition is one-level"),
    "two ellipses": ("... ... -> ...", {}, "only one ellipsis for tensor|duplicate"),
    "an ellipsis on the right alone": ("a b -> a b ...", {}, "Ellipsis found in right side, but not left side"),
    "an ellipsis in parentheses on the left": ("(...) -> ...", {}, "Ellipsis is parenthesis in the left side is not allowed"),
    "two unknown lengths": ("(a b) c -> a b c", {}, "cannot infer the sizes of two dimensions at once"),
    "an uneven split": ("a (b c) -> a b c", {"b": 2}, "does not evenly fit into larger dimension"),
    "a length that differs": ("a b -> b a", {"a": 3}, "."),
}

CASES = [
    *[case(title, lambda t, x, p=p, k=k: t.func.rearrange(x, p, **k), x) for title, (p, k, x) in PATTERNS.items()],
    case("a list is stacked", lambda t, x, y: t.func.rearrange([x, y], "n a b -> a (n b)"), M, M),
    case("a tuple is stacked", lambda t, x, y: t.func.rearrange((x, y), "n a b -> b n a"), M, M),
    case("under vmap", lambda t, x: t.vmap(lambda x: t.func.rearrange(x, "a b -> (b a)"))(x), X),
    case("under grad", lambda t, x: t.func.grad(lambda x: (t.func.rearrange(x, "a (b c) -> c a b", b=2) ** 2).sum())(x), floats(2, 4)),
    case("under jvp", lambda t, x: t.func.jvp(lambda x: t.func.rearrange(x, "a b -> b a"), (x,), (x,)), M),
    *[error(title, lambda t, x, p=p, k=k: t.func.rearrange(x, p, **k), M, fragment=fragment) for title, (p, k, fragment) in REFUSED.items()],
    error("a length that is no integer", lambda t, x: t.func.rearrange(x, "(a b) c -> a b c", a=1.0), M, fragment="rearrange axis lengths must be integers"),
    right("a 1 in place of an axis of size 3", lambda t, x: t.func.rearrange(x, "b 1 -> b"), M, expected=Exception, fragment=".", why="PyTorch drops the data"),
    right("an axis of size 1 for a tensor without axes", lambda t, x: t.func.rearrange(x, "-> 1"), floats(), expected=lambda x: x.reshape(1).astype("float32"), why="PyTorch gives a tensor without axes"),
]
