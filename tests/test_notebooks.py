"""Each notebook opens in Colab, installs the package only where it is missing, and is kept without outputs."""

import ast
import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
COLAB = "https://colab.research.google.com/github/functorch-jax/functorch_jax/blob/main/notebooks"


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def test_the_subjects():
    names = {path.stem for path in NOTEBOOKS}
    assert names >= {"per_sample_gradients", "jacobians_hessians", "ensembling", "neural_tangent_kernels", "porting"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_its_badge_opens_itself(self, path):
        first = source(cells(path, "markdown")[0])
        assert first.startswith("# ")
        assert f"({COLAB}/{path.name})" in first

    def test_it_installs_only_where_the_package_is_missing(self, path):
        install, *rest = (source(cell) for cell in cells(path, "code"))
        attempt = ast.parse(install.replace("%pip", "pass  # %pip")).body[0]
        assert isinstance(attempt, ast.Try)
        assert ast.unparse(attempt.body) == "import functorch_jax"
        assert [ast.unparse(handler.type) for handler in attempt.handlers] == ["ImportError"]
        assert "    %pip install" in install
        assert not any("pip install" in cell for cell in rest)

    def test_it_stores_no_outputs(self, path):
        for cell in cells(path, "code"):
            assert cell["outputs"] == [] and cell["execution_count"] is None

    def test_it_draws(self, path):
        assert any("plt.show()" in source(cell) for cell in cells(path, "code"))

    def test_it_names_no_device(self, path):
        """What runs on a CPU, a GPU and a TPU alike says none of them, but to a process beside the notebook's own."""
        for cell in cells(path, "code"):
            text = source(cell).replace('"--device", "cpu"', "")
            assert not any(word in text for word in ("cuda", '"cpu"', '"tpu"', "jax_platforms", "float64", ".double()"))
