"""The named tuples that ops with several results return. Source: torch.return_types."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def named_result(name: str, fields: str) -> Any:
    """The class `torch.return_types.<name>` with these fields."""
    base = namedtuple(name, fields)  # type: ignore[misc]

    def __repr__(self: Any) -> str:
        inner = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{inner})"

    return type(name, (base,), {"__repr__": __repr__, "__slots__": (), "__module__": __name__})


max = named_result("max", "values indices")
min = named_result("min", "values indices")
median = named_result("median", "values indices")
nanmedian = named_result("nanmedian", "values indices")
mode = named_result("mode", "values indices")
cummax = named_result("cummax", "values indices")
cummin = named_result("cummin", "values indices")
sort = named_result("sort", "values indices")
topk = named_result("topk", "values indices")
kthvalue = named_result("kthvalue", "values indices")
frexp = named_result("frexp", "mantissa exponent")
histogram = named_result("histogram", "hist bin_edges")
histogramdd = named_result("histogramdd", "hist bin_edges")
aminmax = named_result("aminmax", "min max")
linalg_inv_ex = named_result("linalg_inv_ex", "inverse info")
linalg_solve_ex = named_result("linalg_solve_ex", "result info")
linalg_slogdet = named_result("linalg_slogdet", "sign logabsdet")
slogdet = named_result("slogdet", "sign logabsdet")
triangular_solve = named_result("triangular_solve", "solution cloned_coefficient")
linalg_cholesky_ex = named_result("linalg_cholesky_ex", "L info")
linalg_lu_factor = named_result("linalg_lu_factor", "LU pivots")
linalg_lu_factor_ex = named_result("linalg_lu_factor_ex", "LU pivots info")
linalg_lu = named_result("linalg_lu", "P L U")
lu_unpack = named_result("lu_unpack", "P L U")
linalg_eigh = named_result("linalg_eigh", "eigenvalues eigenvectors")
linalg_eig = named_result("linalg_eig", "eigenvalues eigenvectors")
linalg_svd = named_result("linalg_svd", "U S Vh")
svd = named_result("svd", "U S V")
linalg_qr = named_result("linalg_qr", "Q R")
qr = named_result("qr", "Q R")
geqrf = named_result("geqrf", "a tau")
linalg_lstsq = named_result("linalg_lstsq", "solution residuals rank singular_values")
linalg_ldl_factor = named_result("linalg_ldl_factor", "LD pivots")
linalg_ldl_factor_ex = named_result("linalg_ldl_factor_ex", "LD pivots info")
