"""Writes the CloudFormation template that SAM makes of ours, for the tools that do not know SAM."""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # Stands for what `sam package` would have uploaded.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
defaults = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
translated = Translator({}, Parser()).translate(template, parameter_values=defaults)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(translated, file, indent=2)
