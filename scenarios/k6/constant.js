// A constant rate: RATE transactions a second for DURATION.
import { arrivals, connect, number, sound } from './lib.js';

const batch = number('BATCH', 100);
const client = connect();

export const options = {
  scenarios: {
    constant: {
      executor: 'constant-arrival-rate',
      ...arrivals(number('RATE', 2000), batch),
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: number('VUS', 20),
    },
  },
  thresholds: { ...sound, chain_commit_p99: ['value<5000'], chain_tx_rejected: ['count<1'] },
};

export async function setup() {
  await client.waitReady();
}

export default function () {
  client.submitBatch(batch);
}
