// Calm, a spike of PEAK transactions a second, and calm again: does the chain
// take it, and does it come back?
import { connect, number, sound } from './lib.js';

const batch = number('BATCH', 100);
const client = connect();
const calm = Math.max(1, Math.round(number('RATE', 1000) / batch));
const peak = Math.max(2, Math.round(number('PEAK', 8000) / batch));

export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      startRate: calm,
      timeUnit: '1s',
      stages: [
        { duration: '15s', target: calm },
        { duration: '1s', target: peak },
        { duration: '10s', target: peak },
        { duration: '1s', target: calm },
        { duration: '15s', target: calm },
      ],
      preAllocatedVUs: number('VUS', 100),
    },
  },
  thresholds: { chain_tx_succeeded: sound.chain_tx_succeeded, chain_tx_lost: sound.chain_tx_lost, chain_commit_p99: ['value<10000'] },
};

export async function setup() {
  await client.waitReady();
}

export default function () {
  client.submitBatch(batch);
}
