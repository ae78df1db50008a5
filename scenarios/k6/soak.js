// A moderate rate for a long time: what grows, grows here.
import { arrivals, connect, number, sound } from './lib.js';

const batch = number('BATCH', 100);
const client = connect();

export const options = {
  scenarios: {
    soak: {
      executor: 'constant-arrival-rate',
      ...arrivals(number('RATE', 1000), batch),
      duration: __ENV.DURATION || '30m',
      preAllocatedVUs: number('VUS', 20),
    },
  },
  thresholds: {
    ...sound,
    chain_tx_rejected: ['count<1'],
    chain_commit_p99: [{ threshold: 'value<5000', abortOnFail: true, delayAbortEval: '1m' }],
    chain_commit_p999: ['value<15000'],
  },
};

export async function setup() {
  await client.waitReady();
}

export default function () {
  client.submitBatch(batch);
}
