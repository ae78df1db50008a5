// The node's calls.

// A token is kept for this tab alone.
export const token = {
  get: () => sessionStorage.getItem('token') || '',
  set: value => sessionStorage.setItem('token', value),
};

export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// get calls one path of the API. It fails with a Refusal where the node says
// why, and with another error where there is no node.
export async function get(path) {
  const secret = token.get();
  const r = await fetch(path, { headers: secret ? { Authorization: 'Bearer ' + secret } : {}, cache: 'no-store' });
  const body = await r.json();
  if (!r.ok) throw new Refusal(r.status, body.error.code, body.error.message);
  return body;
}

// orNull gives null for what is not there.
export const orNull = promise => promise.catch(e => {
  if (e instanceof Refusal && e.status === 404) return null;
  throw e;
});
