/**
 * **k6/x/chain** drives a blockchain from k6: transactions are built and signed
 * in Go, and one call moves a whole batch of them.
 *
 * ```javascript
 * import chain from 'k6/x/chain';
 *
 * const client = chain.connect({ driver: 'reference', target: '127.0.0.1:7700' });
 *
 * export const options = {
 *   scenarios: { load: { executor: 'constant-arrival-rate', rate: 50, timeUnit: '1s', duration: '30s', preAllocatedVUs: 10 } },
 *   thresholds: { chain_commit_p99: ['value<2000'], chain_tx_lost: ['count<1'] },
 * };
 *
 * export async function setup() { await client.waitReady(); }
 *
 * export default function () { client.submitBatch(100); }
 * ```
 *
 * Metrics: counters `chain_tx_sent`, `chain_tx_accepted`, `chain_tx_rejected`,
 * `chain_tx_succeeded` and `chain_tx_lost`; gauges `chain_commit_p50`,
 * `chain_commit_p99` and `chain_commit_p999` in milliseconds, each second, from
 * the start of the iteration to the block that held, exact over all transactions
 * since the warm-up; trends `chain_batch_ack` and `chain_batch_commit`, one sample
 * a call. Tags: `kind` of transaction, `target`.
 *
 * @module k6/x/chain
 */

declare namespace chain {
  /** What {@link connect} is asked for. */
  export interface Connection {
    /** Kind of chain: `reference`, or `null`, which takes everything and is a chain within k6. */
    driver: 'reference' | 'null';
    /** Address of a node, host:port, or of several of one network. None for `null`. */
    target?: string | string[];
    options?: Options;
  }

  /** Durations are strings such as `'250ms'` or `'1m30s'`. */
  export interface Options {
    /** Ordered spenders, shared out over all VUs of all instances; each has one unanswered transaction. Default: 20,000, or 2,000 with double spends. */
    lanes?: number;
    /** Connections to the target, each with its share of the VUs. Default: 4. */
    connections?: number;
    /** Most transactions sent and without a fate; calls wait for room. Default: what the lanes hold, at most 500,000. */
    inFlight?: number;
    /** Longest wait of a call for lanes, room and answers. Default: 15 s. A number is of milliseconds. */
    timeout?: string | number;
    /** Load at the start that latency and throughput leave out. Default: none. */
    warmup?: string;
    /** Longest wait after the test for what is still under way. Default: 30 s. */
    drain?: string;
    /** Blocks on top of and including a transaction's own for it to have succeeded. Default: 1. */
    confirmations?: number;
    /** Of everything random. Default: 42. */
    seed?: number;
    /** Outputs that a transaction spends. Default: 1. */
    inputs?: number;
    /** Outputs that a transaction makes, at least as many as inputs. Default: 2. */
    outputs?: number;
    /** Share of transactions with a wrong signature, 0 to 1. Default: 0. */
    invalidSignatures?: number | string;
    /** Share that spends again what its lane has just spent, 0 to 1. Default: 0. */
    doubleSpends?: number | string;
    /** `'uniform'`, or the exponent of Zipf's law over receiving keys. Default: uniform. */
    keySkew?: number | 'uniform';
    /** Signature scheme. Default: the chain's. */
    scheme?: string;
    /** Names the run and its folder. Default: the script's name. */
    name?: string;
    /** Objectives of the report, such as `'commit.p99 < 2s'`. k6's thresholds are in the report by themselves. */
    slo?: string[];
    /** How the chain is checked after the test, with `--out chaindyno=DIR`. Default: `counts`. */
    audit?: 'off' | 'headers' | 'counts' | 'full';
    /** Settings of the driver itself, such as `{interval: '10ms'}` of `null`. */
    driver?: Record<string, string | number>;
    /** Transport security; PEM files. */
    tls?: { ca?: string; cert?: string; key?: string; serverName?: string };
    /** Environment variable that holds a bearer token. */
    tokenEnv?: string;
    /** Permit a target off this machine in plain text, or of a network that is not known to be worthless. Default: false. */
    allowRemote?: boolean;
  }

  /** Thrown by calls, and what promises are rejected with. */
  export interface ChainError extends Error {
    name: 'ChainError';
    /**
     * Why: a kind of rejection (`busy`, `signature`, `double_spend`, `missing_input`, `fee`, `value`, `duplicate`,
     * `depth`, `malformed`, ...), `timeout` or `disconnected` where no answer came, `overload` where nothing could be
     * sent in time, `unreachable`, `closed`, `not_found`, `cancelled`, or `usage` for a mistake of the script.
     */
    kind: string;
    /** Of {@link Client.submitBatch}: what was done. */
    batch?: Batch;
  }

  /** A transaction that was signed and not sent. Its lane waits for it. */
  export interface Signed {
    readonly id: string;
    readonly payload: ArrayBuffer;
  }

  /** A transaction: of {@link Client.sign}, or signed elsewhere, as bytes or in hexadecimal. */
  export type Transaction = Signed | ArrayBuffer | Uint8Array | string;

  /** What became of a call, when it returned. */
  export interface Batch {
    asked: number;
    sent: number;
    accepted: number;
    rejected: number;
    /** Without an answer; they may commit all the same. */
    unknown: number;
    /** Not sent: no lane or no room in time. */
    dropped: number;
    /** How many of the rejected and unknown, by kind. */
    kinds: Record<string, number>;
    /** IDs of what was sent, in hexadecimal. */
    ids(): string[];
  }

  /** What became of a batch in the end. */
  export interface Fates {
    succeeded: number;
    failed: number;
    refused: number;
    lost: number;
    other: number;
  }

  export interface Ref {
    height: number;
    id: string;
  }

  export interface Proof {
    txid: string;
    block: Ref;
    /** Of the transaction within the block. */
    index: number;
    /** Transactions in the block. */
    count: number;
    /** Hashes from the transaction up to the root. */
    path: string[];
  }

  export interface Block extends Ref {
    parent: string;
    bytes: number;
    txs: string[];
  }

  export interface Wait {
    timeout?: string | number;
  }

  /**
   * One VU's view of a target. Calls that send belong in the functions that k6
   * runs, and return when every transaction is answered. What is answered `busy` is
   * sent again, in order, until the timeout.
   */
  export interface Client {
    /** Sends the next transaction of the workload, or the one given, and returns its ID. Throws unless it is accepted. */
    submit(tx?: Transaction): string;
    /** Sends n transactions of the workload, or those given. Throws if not one of them is accepted. */
    submitBatch(n: number | Transaction[]): Batch;
    /** Sends one payment. `to` is a key hash of 40 hexadecimal digits; what is left out is as in the workload. */
    transfer(payment?: { to?: string; value?: number }): string;
    /** Builds and signs n transactions (default: 1), each on a lane of its own that then waits for it to be sent. */
    sign(n?: number): Signed[];
    /** The fates of a batch, once each of its transactions has one. Rejected after the timeout (default: 1 minute). */
    committed(batch: Batch, wait?: Wait): Promise<Fates>;
    /** The fate of one transaction. */
    committed(id: string, wait?: Wait): Promise<{ id: string; fate: string }>;
    /** The best block. */
    tip(wait?: Wait): Promise<Ref>;
    /** A proof that a transaction is in a block, checked against the block's header. */
    proof(txid: string, wait?: Wait): Promise<Proof>;
    /** The block at a height. */
    block(height: number, wait?: Wait): Promise<Block>;
    /** Waits until the target is there and the lanes are funded (default: 30 s). Belongs in setup. */
    waitReady(wait?: Wait): Promise<Ref>;
    /** Ends this VU's use of the client. */
    close(): void;
  }

  /** Makes a client, in the init context. It dials nothing before it is used. */
  export function connect(connection: Connection): Client;
}

declare module 'k6/x/chain' {
  export = chain;
}
