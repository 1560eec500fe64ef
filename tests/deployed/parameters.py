"""Reads the parameters of a configuration file as SAM's commands do: its text in, as JSON; an object for each command out."""

import json
import sys
import tempfile
from pathlib import Path

from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig

with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "samconfig.toml").write_text("version = 0.1\n" + json.load(sys.stdin))
    config = SamConfig(folder, "samconfig.toml")
    overrides = {}
    for command in sys.argv[1:]:
        parameters = config.get_all([command], "parameters")
        overrides[command] = CfnParameterOverridesType().convert(parameters["parameter_overrides"], None, None)
print(json.dumps(overrides))
