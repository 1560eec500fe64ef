// Evaluates who may send to a queue by IAM's rules: {policy, resource, principals: [{principal, arn}]} on standard input, where
// the arn is the principal's in conditions. Each of them may do everything in SQS. Prints a decision for each.
import { json } from 'node:stream/consumers'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { policy, resource, principals } = await json(process.stdin)
const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sqs:*', Resource: '*' }] }

const answers = []
for (const { principal, arn } of principals) {
  const found = await runSimulation(
    {
      request: {
        principal,
        action: 'sqs:SendMessage',
        resource: { resource, accountId: resource.split(':')[4] },
        contextVariables: { 'aws:PrincipalArn': arn, 'aws:SecureTransport': 'true' }
      },
      identityPolicies: [{ name: 'everything', policy: everything }],
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
