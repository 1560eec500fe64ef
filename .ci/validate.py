"""Checks bills of materials against CycloneDX's own schema, and that they are of something."""

import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

for name in sys.argv[1:]:
    text = pathlib.Path(name).read_text(encoding="utf-8")
    if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
        sys.exit(f"{name}: {str(error).splitlines()[0]}")
    bill = json.loads(text)
    components = {component["name"]: component["version"] for component in bill["components"]}
    if not {"hmac", "rustls"} <= components.keys():
        sys.exit(f"{name}: it leaves out what is in the program for certain")
    print(f"{name}: {bill['metadata']['component']['name']} of {len(components)} crates")
