# Validates documents against the schemas of the contract, or one document against another schema.
#
# validate.py FOLDER: reads lines with [name of a schema in FOLDER, document].
# validate.py FOLDER SCHEMA: reads lines with documents of the schema in the file SCHEMA.
#
# Prints a list with the first error of each document, or null.

import json
import pathlib
import sys

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import validator_for
from referencing import Registry, Resource

folder, *other = sys.argv[1:]
lines = [json.loads(line) for line in sys.stdin]
checker = FormatChecker()
assert "date-time" in checker.checkers
if other:
    schema = json.loads(pathlib.Path(*other).read_text())
    validator = validator_for(schema)(schema, format_checker=checker)
    pairs = [(validator, document) for document in lines]
else:
    schemas = {path.name: json.loads(path.read_text()) for path in pathlib.Path(folder).iterdir()}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    registry = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in schemas.values())
    validators = {
        name: Draft202012Validator(schema, registry=registry, format_checker=checker)
        for name, schema in schemas.items()
    }
    pairs = [(validators[name], document) for name, document in lines]

errors = (next(validator.iter_errors(document), None) for validator, document in pairs)
print(json.dumps([error and f"{error.json_path}: {error.message}" for error in errors]))
