"""Makes MiniStack treat a stack as AWS does, where it differs. Run before it listens."""

import json

from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway
from ministack.services.cloudformation import changesets, engine, handlers, stacks
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

# The address with which a function finds the emulator.
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
tidy.append(lambda_runtime.reset)


def finished(kind):
    """Completes each resource of a kind after its creation."""

    def decorate(finish):
        handlers = _RESOURCE_HANDLERS[kind]
        create = handlers["create"]
        handlers["create"] = lambda name, properties, stack: finish(properties, *create(name, properties, stack))

    return decorate


@finished("AWS::SecretsManager::Secret")
def a_reference_to_a_secret_is_its_arn(_properties, _name, attributes):
    return attributes["Arn"], attributes


@finished("AWS::ApiGatewayV2::Api")
def the_body_of_an_api_makes_its_routes(properties, api, attributes):
    for path, methods in properties["Body"]["paths"].items():
        for method, operation in methods.items():
            definition = operation["x-amazon-apigateway-integration"]
            integration = {
                "integrationType": definition["type"].upper(),
                "integrationUri": definition["uri"],
                "payloadFormatVersion": definition["payloadFormatVersion"],
            }
            answer = apigateway._create_integration(api, integration)[2]
            method = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            route = {
                "routeKey": path if path == "$default" else f"{method} {path}",
                "target": "integrations/" + json.loads(answer)["integrationId"],
            }
            apigateway._create_route(api, route)
    return api, attributes


alarm_handlers = _RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
create_alarm, update_alarm = alarm_handlers["create"], alarm_handlers["update"]


def of_one_metric(properties):
    """An alarm on an expression becomes one on its first metric. Nothing evaluates alarms here."""
    if "Metrics" not in properties:
        return properties
    first = next(part["MetricStat"] for part in properties["Metrics"] if "MetricStat" in part)
    others = {name: value for name, value in properties.items() if name != "Metrics"}
    return {**others, **first["Metric"], "Period": first["Period"], "Statistic": first["Stat"]}


alarm_handlers["create"] = lambda name, properties, *rest: create_alarm(name, of_one_metric(properties), *rest)
alarm_handlers["update"] = lambda alarm, old, new, *rest: update_alarm(
    alarm, of_one_metric(old), of_one_metric(new), *rest
)

# Saved queries, which nothing reads here.
_RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": lambda name, properties, stack: (f"{stack}-{name}", {}),
    "delete": lambda physical, properties: None,
}


evaluate_conditions = engine._evaluate_conditions


def conditions_know_texts_and_lists(template, parameters):
    """Fn::Join, Fn::Select and Fn::Split, lists, account, Region and partition."""
    definitions = template.get("Parameters", {})

    def resolved(value):
        if isinstance(value, list):
            return [resolved(member) for member in value]
        if not isinstance(value, dict):
            return value
        [(function, arguments)] = value.items()
        arguments = resolved(arguments)
        if function == "Ref":
            pseudo = {"AWS::Region": get_region(), "AWS::AccountId": get_account_id(), "AWS::Partition": "aws"}
            if arguments in pseudo:
                return pseudo[arguments]
            text = parameters[arguments]["Value"]
            return text.split(",") if definitions[arguments]["Type"] == "CommaDelimitedList" else text
        if function == "Fn::Join":
            return arguments[0].join(arguments[1])
        if function == "Fn::Split":
            return arguments[1].split(arguments[0])
        if function == "Fn::Select":
            return arguments[1][int(arguments[0])]
        return {function: arguments}

    conditions = {name: resolved(condition) for name, condition in template.get("Conditions", {}).items()}
    return evaluate_conditions({**template, "Conditions": conditions}, parameters)


for module in [changesets, engine, handlers, stacks]:
    if hasattr(module, "_evaluate_conditions"):
        module._evaluate_conditions = conditions_know_texts_and_lists


resolve = iam_evaluator._resolve_condition_key


def the_principal_of_a_session_is_its_role_and_a_service_has_none(key, context):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn"""
    is_service = context.principal_type == "Service"
    if key.lower() == "aws:principalisawsservice":
        return str(is_service).lower()
    if key.lower() == "aws:principalarn" and is_service:
        return None
    value = resolve(key, context)
    if key.lower() == "aws:principalarn" and ":assumed-role/" in value:
        start, role, _session = value.split("/")
        return start.replace(":sts:", ":iam:").replace("assumed-role", "role") + "/" + role
    return value


iam_evaluator._resolve_condition_key = the_principal_of_a_session_is_its_role_and_a_service_has_none


# As if a TLS proxy were before it: the queues refuse unencrypted calls.
plain = app


async def app(scope, receive, send):
    await plain({**scope, "scheme": "https"} if scope["type"] == "http" else scope, receive, send)
