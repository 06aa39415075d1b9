"""The house rules that a machine can check: layers, sizes, names, documents."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "isobath"
FILES = sorted(PACKAGE.rglob("*.py"))

EVERYWHERE = {"base", "store"}
MAY_IMPORT = {
    "base": set(),
    "store": {"base"},
    "design": EVERYWHERE,
    "analysis": EVERYWHERE,
    "report": {"analysis"} | EVERYWHERE,
    "models": EVERYWHERE,
    "train": {"models"} | EVERYWHERE,
    "grading": {"models"} | EVERYWHERE,
    "interventions": {"models", "train", "grading", "design"} | EVERYWHERE,
    "gpe": {"models", "grading", "design"} | EVERYWHERE,
    "measures": {"gpe", "grading", "interventions", "train", "models", "design", "analysis"} | EVERYWHERE,
    "world": {"gpe", "grading", "train", "models", "design"} | EVERYWHERE,
}
MAY_IMPORT["study"] = set(MAY_IMPORT)
MAY_IMPORT["cli"] = set(MAY_IMPORT)

REFUSED_NAMES = ("manager", "handler", "helper", "util", "service", "processor")


def layer(path):
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else ""


def imported_layers(path):
    """Layers that a file imports, at any depth of it and in any of the three spellings."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "isobath" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
                yield parts[1], node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_layers_below_its_own(path):
    own = layer(path)
    if not own:
        return
    wrong = [(name, line) for name, line in imported_layers(path) if name != own and name not in MAY_IMPORT[own]]
    assert not wrong, f"{path.name} is in layer {own!r}, which may import {sorted(MAY_IMPORT[own])}"


def test_the_layer_table_has_no_cycle():
    from graphlib import TopologicalSorter

    assert tuple(TopologicalSorter(MAY_IMPORT).static_order())[-1] == "cli"


def test_every_folder_of_the_package_is_a_layer():
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= set(MAY_IMPORT)


def test_no_import_cycle_between_modules_at_import_time():
    from graphlib import CycleError, TopologicalSorter

    modules = {".".join(p.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__"): p for p in FILES}
    graph = {}
    for name, path in modules.items():
        needs = set()
        for node in _top_level(ast.parse(path.read_text()).body):
            if isinstance(node, ast.Import):
                needs |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                needs |= {
                    f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in modules else node.module
                    for a in node.names
                }
        graph[name] = needs & set(modules) - {name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {error.args[1]}")


def _top_level(body):
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path):
    source = path.read_text()
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = node.end_lineno - node.lineno + 1
            assert size <= 60, f"{path.name}:{node.lineno} {node.name} has {size} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_refused_names_pickle_or_global_random_state(path):
    assert not any(word in path.stem for word in REFUSED_NAMES)
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            assert not any(word in node.name.lower() for word in REFUSED_NAMES), (
                f"{path.name}:{node.lineno} {node.name}"
            )
        if isinstance(node, ast.Import):
            assert not {a.name for a in node.names} & {"pickle", "random", "dill", "joblib"}, (
                f"{path.name}:{node.lineno}"
            )
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            assert text not in {"yaml.load", "torch.load", "torch.save", "np.random.seed"}, (
                f"{path.name}:{node.lineno} {text}"
            )


HEAVY = "{'torch','transformers','peft','pandas','altair','scipy','pyarrow','inspect_ai'}"


def _loaded(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(sorted({HEAVY} & set(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1]


def test_importing_the_package_is_lazy():
    assert _loaded("import isobath; dir(isobath)") == "[]"


def test_the_command_line_is_lazy():
    assert _loaded("import isobath.cli.main") == "[]"


@pytest.mark.parametrize("name", ["isobath.analysis", "isobath.report"])
def test_analysis_and_report_need_no_torch(name):
    code = (
        "import pkgutil, importlib\n"
        f"package = importlib.import_module({name!r})\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", "import sys\n" + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_committed_names_this_machine_or_a_registry_host():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    hosts = (
        "/work" + "/main",
        "/work" + "/scratch",
        "pypi" + ".org",
        "files.python" + "hosted",
        "download.pytorch" + ".org",
    )
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in {".safetensors", ".parquet", ".png"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [h for h in hosts if h in text], name


def test_every_public_name_resolves():
    import isobath

    assert set(isobath.__all__) - {"__version__"} == set(isobath._HOME)
    assert all(getattr(isobath, name) is not None for name in isobath.__all__)
