/*
 * Local choices: they bound this process and may differ from the peer's. Times in ms, sizes in bytes. Imported as a namespace
 * (`limits.recordTargetBytes`), like protocol.ts.
 */

export const handshakeDeadlineMs = 10_000;
export const handshakesPending = 1_024;
export const handshakesPendingPerSource = 16;
export const handshakeHeldFrames = 16;
export const handshakeHeldBytes = 128 * 1024;
export const handshakeHeldMs = 5_000;
export const hs2CacheMs = 30_000;
export const sessions = 10_000;
/** Of those, for all instances of one peer agent together. */
export const sessionsPerAgent = 1_024;
export const sessionFailuresMax = 2 ** 20;
export const rekeyAfterMs = 10 * 60_000;
export const rekeyAfterBytes = 2 ** 30;
export const previousEpochMs = 60_000;
export const sessionSoftMinMs = 50 * 60_000;
export const sessionSoftMaxMs = 60 * 60_000;
export const sessionHardMs = 24 * 3_600_000;
export const sessionDrainMs = 30_000;
export const tokenGraceMs = 60_000;
export const recheckMs = 60_000;
/** Each record costs both sides the same again, whatever it holds; eight full ones are a window, so that what overtakes them still shows which are lost. One holds two chunks of 64 KiB with their cells. */
export const recordTargetBytes = 132 * 1024;
export const congestionInitialBytes = 64 * 1024;
export const congestionMinBytes = 32 * 1024;
export const ackEveryRecords = 2;
/** Of large ones, that follow each other: half a window of full ones. An ACK costs both sides a frame and a turn, a third of what such a record does. */
export const ackEveryLargeRecords = 4;
export const largeRecordBytes = 64 * 1024;
export const ackDelayMs = 5;
/** A message that seems to be of the future by more than this shows that the clocks have to be compared again. */
export const clockSlackMs = 1_000;
export const pingEveryMs = 25_000;
/** A peer that owes replies is asked after a sixth of `goneAfter`, and not sooner than this. */
export const awaitingPingMinMs = 500;
/** Instances of one agent that links are sought with. */
export const replicasSought = 16;
/** Between two rounds of asking who else is there: at first, and after rounds that found nobody. */
export const seekMinMs = 500;
export const seekMaxMs = 4_000;
/** How often a request goes to another instance because the one that had it left. */
export const resendsMax = 3;
/** How long a peer that declined a request is asked last, and how long that request waits for another instance. */
export const declinedMs = 1_000;
export const declinedWaitMs = 1_000;
/** A request up to this size is kept until it is answered, so that it can go elsewhere when it is declined. */
export const keptBytesMax = 16 * 1024;
export const goneAfterMs = 30_000;
export const goneProbesMin = 10;
export const suspectMinMs = 1_000;
export const probeMinMs = 20;
export const probeSlackMs = 10;
export const lowLaneFromBytes = 256 * 1024;
export const intakeCount = 4_096;
export const intakeBytes = 16 * 1024 * 1024;
export const messageMaxBytes = 64 * 1024 * 1024;
export const jsonMaxBytes = 1024 * 1024;
export const jsonMaxDepth = 64;
export const jsonMaxKeys = 10_000;
export const jsonMaxContainers = 100_000;
export const envelopeHeaderMaxBytes = 8 * 1024;
export const memoryBudgetBytes = 256 * 1024 * 1024;
/** What may wait in a stream to be read, unless its reader says otherwise, and the most it may say. Twice what a link has under way at most: with as much, the credit of a reader that keeps up came too late (1 KiB chunks: 0.98 of raw ws; with twice 1.39). */
export const streamWindowBytes = 2 * 1024 * 1024;
export const streamWindowMaxBytes = 64 * 1024 * 1024;
/** What may wait in a stream to be said: whoever does not await each write is refused past this. */
export const streamWritesBytes = 1024 * 1024;
/** Streams of one link, those opened here and those served here each. */
export const streamsPerLink = 1_024;
/** Streams served here, of all links together; and of those, for all instances of one peer agent together. */
export const streamsPerAgent = 16_384;
export const streamsPerPeer = 12_288;
/** What a stream has said and the link's window does not have yet: beyond it writers wait, whatever was granted. Two turns of full records: 3 to 7 % less CPU a chunk of 64 KiB than with one. */
export const streamUnsentBytes = 512 * 1024;
export const inboxBytes = 4 * 1024 * 1024;
export const requestTimeoutMs = 30_000;
/** Between two presence hints, by default. */
export const presenceEveryMs = 10_000;
export const presenceEveryMinMs = 100;
export const presenceEveryMaxMs = 600_000;
/** Who sends hints is unknown until there is a link: how many instances are remembered, verified, and dialled for them. */
export const hintsKept = 4_096;
export const hintChecksAtOnce = 64;
export const hintChecksBurst = 512;
export const hintChecksPerSecond = 256;
export const hintDialsBurst = 64;
export const hintDialsPerSecond = 8;
/** Of those, for one agent id: for its instances, and for whoever claims to be one. */
export const hintDialsOfAgentBurst = 16;
export const hintDialsOfAgentPerSecond = 0.5;
/** An instance that did not answer is dialled again after this, doubling. */
export const hintDialAgainMs = 5_000;
export const hintDialAgainMaxMs = 600_000;
/** Hints after a reconnect, and to newcomers that we could not dial, are spread over this. */
export const hintAnswerMs = 1_000;
/** What an application works on at once: as much as one link's credit. And what waits for its turn. */
export const running = 4_096;
export const queued = 16_384;
export const queuedBytes = 64 * 1024 * 1024;
/** A handler that has not settled so long after its signal fired no longer counts. */
export const abandonedMs = 30_000;
/** Of what waits, so many begin before the network is read again. */
export const startsPerTurn = 32;
/** Bounds of the `retryAfter` of an agent whose queue is full. */
export const overloadedMinMs = 100;
export const overloadedMaxMs = 10_000;
/** Peers whose rate is remembered. */
export const rateTable = 10_000;
/** The least rate for what agents say on their own account, where there is a rate: a subscriber's credit for events is among it. */
export const ownRatePerSecond = 1_000;
export const ownRateBurst = 2_000;
/** What is taken of what a peer says of itself: contracts, versions of each, kinds, and characters of names in all. */
export const helloContracts = 128;
export const helloVersions = 16;
export const helloKinds = 32;
export const helloTextMax = 8 * 1024;
/** Between two times that an agent says what changed. */
export const helloEveryMs = 200;
/** How often an agent looks whether its load has changed. */
export const loadEveryMs = 1_000;
/** A first broadcast waits so long for those who are only being met. */
export const gatherMs = 500;
/** A subscriber's queue at a publisher is full at so many events, or so many bytes. */
export const topicQueueEvents = 1_024;
export const topicQueueBytes = 1024 * 1024;
/** How long a publisher waits for a full queue that makes no progress. */
export const topicPatienceMs = 1_000;
/** Events that wait for subscribers' queues, of all topics of an agent. */
export const publishesWaiting = 4_096;
/** Of one topic, for replays. */
export const topicRetainMax = 1_024;
export const topicRetainBytes = 4 * 1024 * 1024;
/** Bytes of events a publisher may send ahead of a subscriber's handlers. */
export const topicWindowBytes = 1024 * 1024;
/** Of one peer instance, of one peer agent over all its instances, and of all. */
export const topicSubscriptions = 256;
export const topicSubscriptionsPerPeer = 4_096;
export const topicSubscriptionsInAll = 65_536;
/** Topics that are remembered without having been declared. */
export const topicsKept = 1_024;
/** What is remembered of one link's topics and permissions, whose names its peer chooses: one agent may have a thousand links. */
export const answersKept = 128;
/** Topics of publishers' instances that a subscription with a replay remembers the last event of. */
export const topicsHeard = 1_024;
export const topicAskAgainMs = 1_000;
/** A publisher that says when to ask again is asked no sooner than this, and no later than after `topicDialMaxMs`. */
export const topicAskAgainMinMs = 20;
export const topicDialMaxMs = 30_000;
/** Steps of a policy for calls, attempts of a retry, and characters of the names that its circuits and budgets are kept by. */
export const policySteps = 16;
export const retryAttemptsMax = 1_000;
export const callKeyMax = 256;
/** Circuits of a breaker, and peers whose retry budget is remembered. */
export const circuits = 10_000;
export const retryAccounts = 10_000;
/** Traces of one peer agent, a second, that are sampled because it says so; and peers whose rate is remembered. */
export const remoteTracesPerSecond = 1_000;
export const remoteTracers = 10_000;
/** Messages that one operation may name as those that it is sent for. */
export const operationTracesMax = 128;
