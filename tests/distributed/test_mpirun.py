"""The recipe for MPI in docs/cluster.md."""

import json
import os
import subprocess
from pathlib import Path

from support.command import COMMAND
from support.files import MakeFile
from support.needs import need
from support.residency import PAGE, resident_bytes

PAGE_OF_RECIPES = Path(__file__).parents[2] / "docs" / "cluster.md"
RECIPE = "mpirun --map-by ppr:1:node --output-filename drop accv-cache drop /data --json"


def test_the_recipe_drops_once_per_node(make_file: MakeFile, tmp_path: Path) -> None:
    need("mpirun")
    assert RECIPE in PAGE_OF_RECIPES.read_text().splitlines()
    path = make_file(PAGE, "dirty")
    subprocess.run(
        RECIPE.replace("/data", str(path)).split(),
        env={
            **os.environ,
            "PATH": f"{Path(COMMAND).parent}:{os.environ['PATH']}",
            "TMPDIR": str(tmp_path),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        },
        cwd=tmp_path,
        check=True,
    )
    [written] = tmp_path.glob("drop/*/rank.*/stdout")
    document = json.loads(written.read_text())
    assert [each["path"] for each in document["files"]] == [str(path)]
    assert document["resident_bytes"] == resident_bytes(path) == 0
