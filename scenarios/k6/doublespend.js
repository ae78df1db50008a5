// A share of the transactions spends again what was just spent. The chain must
// refuse each of them, and nothing else.
import { check } from 'k6';
import { Counter } from 'k6/metrics';
import { arrivals, connect, number, sound } from './lib.js';

const batch = number('BATCH', 50);
const share = number('SHARE', 0.1);
const client = connect({ doubleSpends: share, lanes: 500 });
const otherwise = new Counter('refused_otherwise');

export const options = {
  scenarios: {
    doublespend: {
      executor: 'constant-arrival-rate',
      ...arrivals(number('RATE', 1000), batch),
      duration: __ENV.DURATION || '20s',
      preAllocatedVUs: number('VUS', 5),
    },
  },
  thresholds: {
    ...sound,
    checks: ['rate==1'],
    'chain_tx_sent{kind:double_spend}': ['count>0'],
    'chain_tx_accepted{kind:double_spend}': ['count<1'],
    'chain_tx_rejected{kind:transfer}': ['count<1'],
    refused_otherwise: ['count<1'],
  },
};

export async function setup() {
  await client.waitReady();
}

export default function () {
  const b = client.submitBatch(batch);
  check(b, { 'every transaction is answered': (x) => x.accepted + x.rejected === batch });
  otherwise.add(b.rejected - (b.kinds.double_spend || 0));
}
