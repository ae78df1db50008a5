// Up to the break point: the rate grows until the commit latency or the queue of
// iterations says stop. Where that was is in the report, or in the last figures
// that k6 prints.
import { connect, number } from './lib.js';

const batch = number('BATCH', 100);
const client = connect();
const top = Math.max(2, Math.round(number('TO', 20000) / batch));

export const options = {
  scenarios: {
    ramp: {
      executor: 'ramping-arrival-rate',
      startRate: Math.max(1, Math.round(number('FROM', 500) / batch)),
      timeUnit: '1s',
      stages: [{ duration: __ENV.DURATION || '2m', target: top }],
      preAllocatedVUs: number('VUS', 50),
    },
  },
  thresholds: {
    chain_tx_succeeded: ['count>0'],
    chain_tx_lost: ['count<1'],
    chain_commit_p99: [{ threshold: `value<${number('P99', 3000)}`, abortOnFail: true, delayAbortEval: '5s' }],
    dropped_iterations: [{ threshold: 'count<10', abortOnFail: true }],
  },
};

export async function setup() {
  await client.waitReady();
}

export default function () {
  client.submitBatch(batch);
}
