/*
 * Local choices, as in limits.ts, for what an agent keeps: dead letters, durable messages, checkpoints, replies by idempotency key, traces. Imported as a
 * namespace (`keptLimits.letters`).
 */

/** Dead letters that are kept: how many, for how long, and bytes of their messages with a store and without. */
export const letters = 10_000;
export const lettersMax = 100_000;
export const letterAgeMs = 30 * 24 * 3_600_000;
export const letterBytes = 256 * 1024 * 1024;
export const letterMemoryBytes = 16 * 1024 * 1024;
export const letterAlert = 1_000;
/** How often an agent looks which are too old. */
export const letterPruneMs = 3_600_000;
/** Of one page, and the most. */
export const letterPage = 100;
export const letterPageMax = 1_000;
/** Reasons that one filter names. */
export const letterReasons = 64;
/** Of one batch. */
export const lettersPerBatch = 256;
export const letterBatchBytes = 4 * 1024 * 1024;
/** Of what nobody else keeps, until it is written: in all, and what came of one peer. */
export const lettersWaiting = 4_096;
export const lettersWaitingOfPeer = 1_024;
export const lettersWaitingBytes = 32 * 1024 * 1024;
/** A store that has no room is tried again after this, doubling. */
export const letterAgainMs = 1_000;
export const letterAgainMaxMs = 30_000;
/** Letters that are replayed at once; and how many of those that failed are named. */
export const replaysAtOnce = 16;
export const replayFailuresNamed = 1_000;
/** Durable messages that wait for one peer, and bytes of all that wait, unless the application says otherwise; and bytes of those not yet in the store. */
export const outboxMax = 100_000;
export const outboxMaxBytes = 1024 * 1024 * 1024;
export const durableUnflushedBytes = 64 * 1024 * 1024;
/** Peers that durable messages go to. */
export const durablePeers = 10_000;
/** Durable messages under way to one peer, and what of them is kept free for the critical lane. */
export const durableWindow = 1_024;
export const durableWindowUrgent = 64;
export const durableWindowBytes = 4 * 1024 * 1024;
/** Of those that wait behind them, how many of a lane are in memory; and entries that are read from disk at once. */
export const durableMemoryCount = 4_096;
export const segmentsRead = 4;
/** Messages and bytes of one entry. */
export const segmentMessages = 256;
export const segmentBytes = 128 * 1024;
/** Numbers of a lane that were given to what then did not get into the store. */
export const durableHoles = 256;
/** Damaged entries that are told one by one. */
export const durableDamagedTold = 1_000;
/** Entries that go out of the store together. */
export const durableRemovals = 64;
/** How long a removal waits for others, what failed for want of room waits for some, and an opening for its answer. */
export const durableRemoveMs = 50;
export const durableAgainMs = 1_000;
export const durableOpenMs = 10_000;
export const durableDialMs = 10_000;
/** A peer that does not answer is dialled again after a random part of this, doubling. */
export const durableDialAgainMs = 1_000;
export const durableDialAgainMaxMs = 30_000;
/** Senders' stores that are remembered: of one peer agent, and in all. One is forgotten for another when it was not heard of for so long. */
export const durableStoresPerPeer = 64;
export const durableStores = 10_000;
export const durableMarksMs = 7 * 24 * 3_600_000;
/** With as many marks in a batch, the next one waits so long for others: a flush costs as much as handling a hundred messages. */
export const marksMany = 64;
export const marksMs = 2;
/** Durable messages of one sender's store that are worked on here: more than its window. Ranges of numbers to remember: twice what an honest sender needs, as they are written with every batch. What each message costs beside its payload. */
export const durableHeldMax = 1_100;
export const durableRangesMax = 2_560;
export const durableHeldCost = 512;
/** Names of an agent's checkpoints and characters of one, checkpoints of a name unless the application says otherwise, and the most; bytes of a state. */
export const checkpointNames = 1_024;
export const checkpointNameMax = 256;
export const checkpointsKept = 3;
export const checkpointsKeptMax = 100;
export const checkpointBytesMax = 64 * 1024 * 1024;
/** Checkpoints that wait to be written, those that handlers commit aside; and senders' marks that one says it was written with. */
export const checkpointsWaiting = 4_096;
export const checkpointWitnesses = 16;
/** Entries that a report of a start names. */
export const recoveryDamaged = 1_000;
export const snapshotMinMs = 10;
/** How often a handler may fail, unless the application says otherwise, and the first wait between two tries: four times as long after each. */
export const maxDeliveries = 5;
export const durableRetryMs = 250;
export const durableRetryMaxMs = 30_000;
/** Replies that are kept by idempotency key: for how long, how long at least, keys of one peer agent and of all, and bytes with a store and without. */
export const idempotencyKeepMs = 24 * 3_600_000;
export const idempotencyLiveMs = 5 * 60_000;
export const idempotencyKeys = 100_000;
export const idempotencyKeysMax = 1_000_000;
export const idempotencyKeysInAll = 400_000;
export const idempotencyBytes = 256 * 1024 * 1024;
export const idempotencyMemoryBytes = 128 * 1024 * 1024;
export const idempotencyPruneMs = 3_600_000;
export const idempotencyPruneMinMs = 1_000;
/** Calls of one peer agent that wait for the reply of another with the same key. */
export const idempotencyWaiting = 1_024;
/** Replies in memory because their store does not take them. */
export const idempotencyUnkeptBytes = 16 * 1024 * 1024;
/** What is forgotten is removed from the store with the next reply, or when it is so much. */
export const idempotencyRemovals = 256;
/** Peers whose digests are remembered. */
export const idempotencyPeersNamed = 1_024;
/** Calls of a trace store, unless the application says otherwise, and the most; for how long; how often it looks which are too old. */
export const traces = 10_000;
export const tracesMax = 100_000;
export const traceAgeMs = 24 * 3_600_000;
export const tracePruneMs = 3_600_000;
export const tracePruneMinMs = 1_000;
/** Of one trace, of one message id, and stages of one call. */
export const traceCalls = 1_000;
export const traceCallsOfId = 8;
export const traceStages = 64;
/** What is remembered of an agent's unsampled messages, in case one of them fails. */
export const traceMoments = 1_024;
export const traceMomentsMs = 60_000;
/** Traces of one page, and the most. */
export const tracePage = 100;
export const tracePageMax = 1_000;
/** How long what changed waits to be written, and calls of one batch. */
export const traceWriteMs = 250;
export const tracesPerBatch = 256;
/** A store that has no room is tried again after this, doubling. */
export const traceAgainMs = 1_000;
export const traceAgainMaxMs = 30_000;
