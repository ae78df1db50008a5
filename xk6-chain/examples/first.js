// The smallest script: 100 transactions in one call, and what became of them.
import chain from 'k6/x/chain';

const client = chain.connect({ driver: 'reference', target: __ENV.TARGET || '127.0.0.1:7700' });

export default async function () {
  const batch = client.submitBatch(100);
  const fates = await client.committed(batch);
  console.log(`${batch.accepted} accepted, ${fates.succeeded} in blocks`);
}
