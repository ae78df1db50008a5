// How much a batch is worth: as many calls as the chain answers, BATCH
// transactions each. Run it with several sizes and compare the folders:
//
//   for b in 1 10 100 1000; do bin/k6 run -e BATCH=$b --out chaindyno=out/batch-$b scenarios/k6/batch.js; done
import { connect, number, sound } from './lib.js';

const batch = number('BATCH', 100);
const client = connect({
  inFlight: number('IN_FLIGHT', 20000),
  lanes: number('LANES', 20000),
  warmup: __ENV.WARMUP || '0s',
});

export const options = {
  scenarios: {
    batch: { executor: 'constant-vus', vus: number('VUS', 4), duration: __ENV.DURATION || '20s' },
  },
  thresholds: { chain_tx_succeeded: sound.chain_tx_succeeded, chain_tx_lost: sound.chain_tx_lost, chain_tx_rejected: ['count<1'] },
};

export async function setup() {
  await client.waitReady();
}

export default function () {
  client.submitBatch(batch);
}
