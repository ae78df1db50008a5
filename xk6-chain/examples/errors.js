// What a refusal looks like: an exception with the kind of it.
import chain from 'k6/x/chain';

const client = chain.connect({ driver: 'reference', target: __ENV.TARGET || '127.0.0.1:7700', options: { invalidSignatures: 1 } });

export default function () {
  try {
    client.submit();
  } catch (e) {
    console.log(`${e.name}: ${e.kind}: ${e.message}`);
  }
}
