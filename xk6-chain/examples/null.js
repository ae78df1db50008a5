// No chain at all: what k6 and the module can do on this machine.
import chain from 'k6/x/chain';

const client = chain.connect({ driver: 'null', options: { inFlight: 100000 } });

export const options = { vus: 4, duration: '10s', thresholds: { chain_tx_lost: ['count<1'] } };

export default function () {
  client.submitBatch(100);
}
