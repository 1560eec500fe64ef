// Evaluates who may send to a queue or publish to a topic by IAM's rules: {action, policy, resource, principals: [{principal,
// context}]} on standard input. Each principal that is not a service may do everything in SQS and SNS. Prints a decision for
// each.
import { json } from 'node:stream/consumers'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { action, policy, resource, principals } = await json(process.stdin)
const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['sqs:*', 'sns:*'], Resource: '*' }] }

const answers = []
for (const { principal, context } of principals) {
  const found = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: resource.split(':')[4] },
        contextVariables: { 'aws:SecureTransport': 'true', ...context }
      },
      identityPolicies: principal.startsWith('arn:') ? [{ name: 'everything', policy: everything }] : [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policy
    },
    {}
  )
  if (found.errors) throw new Error(JSON.stringify([principal, found.errors]))
  answers.push(found.overallResult)
}
console.log(JSON.stringify(answers))
