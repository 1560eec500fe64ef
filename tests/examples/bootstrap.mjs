// Runs `handler` of a module behind a Lambda Runtime API, as AWS's runtime for Node does.

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const report = (path, value) => fetch(`${api}/${path}`, { method: 'POST', body: JSON.stringify(value) });
const { handler } = await import(process.argv[2]);

for (;;) {
  const invocation = await fetch(`${api}/invocation/next`);
  const id = invocation.headers.get('lambda-runtime-aws-request-id');
  const deadline = Number(invocation.headers.get('lambda-runtime-deadline-ms'));
  const context = {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    awsRequestId: id,
    invokedFunctionArn: invocation.headers.get('lambda-runtime-invoked-function-arn'),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  try {
    await report(`invocation/${id}/response`, await handler(await invocation.json(), context));
  } catch (error) {
    console.error(error);
    await report(`invocation/${id}/error`, { errorType: error.name, errorMessage: error.message });
  }
}
