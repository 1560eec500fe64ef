"""Makes MiniStack treat a stack as AWS does, where it does otherwise. Run before it listens."""

import json

from ministack.core import lambda_runtime
from ministack.services import apigateway
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

# A function finds its way back by it.
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
tidy.append(lambda_runtime.reset)


def finished(kind):
    """Has a resource of a kind finished after it was created."""

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


# As if TLS ended in front of it: the queues refuse what comes in the clear.
plain = app


async def app(scope, receive, send):
    await plain({**scope, "scheme": "https"} if scope["type"] == "http" else scope, receive, send)
