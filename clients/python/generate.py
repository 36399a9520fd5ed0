"""Generates the code of the protos in a folder: `ndp/` and `buf/`, beside this file."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

here = Path(__file__).parent
protos = Path(sys.argv[1])
# google/** comes with the packages
wanted = [*protos.glob("ndp/**/*.proto"), *protos.glob("buf/**/*.proto")]
sys.exit(
    protoc.main(
        [
            "protoc",
            f"--proto_path={protos}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--python_out={here}",
            f"--pyi_out={here}",
            f"--grpc_python_out={here}",
            *map(str, wanted),
        ]
    )
)
