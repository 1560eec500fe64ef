"""The IAM actions that CloudFormation's schemas name for resources of the given types, as JSON. Without those for listing."""

import json
import sys
from importlib.resources import files

actions, missing = set(), set(sys.argv[1:])
for file in files("cfnlint.data.schemas.resources").iterdir():
    if not file.name.endswith(".json"):
        continue
    schema = json.loads(file.read_text())
    if schema.get("typeName") in missing:
        missing.remove(schema["typeName"])
        for name, handler in schema["handlers"].items():
            actions |= set() if name == "list" else set(handler["permissions"])
assert not missing, missing
print(json.dumps(sorted(actions)))
