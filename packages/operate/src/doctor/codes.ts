import type { CodeMeaning, FindingCode } from './finding-code.ts';
import { SERVER_CODES } from './server-codes.ts';

/** What each code means; `docs/doctor.md` is made from it. */
export const DOCTOR_CODES: Readonly<Record<FindingCode, CodeMeaning>> = {
  ...SERVER_CODES,
  'stream-unavailable': {
    severity: 'error',
    what: 'A stream is there and does not answer.',
    consequence:
      'It has no leader, as with most of its servers down: nothing goes in or out, and runs wait.',
    remedy: 'Bring its servers back, and see `nats stream report`.',
    holdsUp: true,
  },
  'stream-missing': {
    severity: 'note',
    what: 'A stream or bucket of the pipeline is not there.',
    consequence:
      'Services make it when they start, and chunks that were in it are sent again; dead letters that were in it are gone.',
    remedy: 'Start the services, or use --fix if they may not create streams.',
    isMended: true,
    holdsUp: true,
  },
  'stream-unknown': {
    severity: 'warning',
    what: 'A stream has Leat’s name and belongs to no stage of the pipeline.',
    consequence: 'Nothing takes messages out of it, and it uses storage.',
    remedy: 'If no run of an older version of the pipeline needs it, delete it: `nats stream rm`.',
  },
  'replica-offline': {
    severity: 'warning',
    what: 'A copy of a stream is offline, or behind.',
    consequence: 'One more failure may stop the stream, or cost what only the lost copies had.',
    remedy: 'Bring that server back, and wait until it has caught up.',
  },
  'memory-storage': {
    severity: 'error',
    what: '`storage: memory`, or a consumer’s `mem_storage`, in a cluster or with `--production`.',
    consequence:
      'A restart empties it: chunks are sent again, dead letters and the progress of runs are gone.',
    remedy: 'When no run is open, delete the stream and let Leat make it again on file.',
  },
  'few-replicas': {
    severity: 'warning',
    what: '`num_replicas` below 3, in a cluster or with `--production`.',
    consequence:
      'While the one server that has the stream is down, runs stand still; if its disk is lost, so are dead letters and progress.',
    remedy:
      'Set LEAT_STREAM_REPLICAS=3, and for streams that exist `nats stream edit --replicas 3`.',
  },
  'wrong-retention': {
    severity: 'error',
    what: '`retention` is not `workqueue` (queues and receipts) or not `limits` (dead letters).',
    consequence:
      'Services refuse the stream. Acknowledged chunks would stay until it is full, or dead letters vanish.',
    remedy:
      'The server cannot change it: when no run is open, delete the stream and let Leat make it again.',
    holdsUp: true,
  },
  'wrong-subjects': {
    severity: 'error',
    what: '`subjects` are not those of the stage.',
    consequence: 'What services publish is not stored; what others publish there fills the stream.',
    remedy:
      'Services add what is missing. If another stream has the subject, remove it there. Remove what is too much by `nats stream edit --subjects`.',
    isMended: true,
    holdsUp: true,
  },

  'discard-old': {
    severity: 'error',
    what: '`discard: old`.',
    consequence:
      'A full stream drops its oldest messages in silence instead of refusing new ones: chunks are missing until they are found overdue, dead letters for good.',
    remedy: 'Set `discard: new`.',
    isMended: true,
    holdsUp: true,
  },
  'messages-expire': {
    severity: 'error',
    what: '`max_age` (dead letters may have one) or `max_msgs_per_subject` is set.',
    consequence: 'Messages that nobody has worked on are dropped in silence.',
    remedy:
      'Services remove it. By hand: `nats stream edit --max-age 0s --max-msgs-per-subject -1`.',
    isMended: true,
    holdsUp: true,
  },
  'limit-lowered': {
    severity: 'warning',
    what: '`max_msgs`, `max_bytes`, `max_msg_size` or `max_consumers` is lower than the services were given.',
    consequence: 'What is larger, or does not find room, is refused, and its run waits.',
    remedy:
      'Services raise it again. For smaller queues set LEAT_QUEUE_MAX_BYTES or LEAT_QUEUE_MAX_MESSAGES.',
    isMended: true,
    holdsUp: true,
  },
  'stream-sealed': {
    severity: 'error',
    what: 'A stream is sealed.',
    consequence: 'Nothing goes in or out, and no server takes that back: runs stand still.',
    remedy:
      'Services make queues and receipts again, and send their chunks again. Dead letters: `leat dead export`, then delete the stream. Bucket: delete it, and start its runs again by their ids.',
    isMended: true,
    holdsUp: true,
  },
  'stream-drifted': {
    severity: 'warning',
    what: 'A stream has a setting that Leat does not make.',
    consequence: 'Messages may be changed, unanswered or kept, as that setting has it.',
    remedy: 'Take it back by `nats stream edit`.',
    isMended: true,
    holdsUp: true,
  },

  unbounded: {
    severity: 'warning',
    what: 'Neither `max_msgs` nor `max_bytes` is set (dead letters: no `max_bytes`).',
    consequence:
      'A stage that stands still fills the disk, and with it every other stream of the server.',
    remedy:
      'Set limits above what the stream has: `nats stream edit --max-msgs 2000 --max-bytes 256MiB`.',
  },
  'duplicate-window-short': {
    severity: 'note',
    what: '`duplicate_window` is shorter than Leat asks for (2 minutes).',
    consequence:
      'A publish that is repeated after an outage is stored twice, and the chunk worked on twice. Sinks drop the second.',
    remedy: 'Set it to 2 minutes. It cannot be longer than `max_age`.',
    isMended: true,
  },
  'consumer-missing': {
    severity: 'warning',
    what: 'A stage’s stream has no consumer.',
    consequence: 'Nothing takes chunks out of it until a service of that stage starts.',
    remedy: 'Start the stage’s service; or delete the stream if the pipeline is gone.',
    isMended: true,
    holdsUp: true,
  },
  'consumer-drifted': {
    severity: 'error',
    what: 'A consumer has a setting that Leat does not make, such as a filter or a `backoff`, or it is not Leat’s and reads from a queue.',
    consequence: 'Chunks are passed over, go to somebody else, or come again too early.',
    remedy:
      'Services make theirs again; a work queue keeps its messages meanwhile. Delete what is not Leat’s.',
    isMended: true,
    holdsUp: true,
  },

  'consumer-paused': {
    severity: 'warning',
    what: 'A consumer is paused on the server.',
    consequence: 'The stage gets no chunks until the pause ends.',
    remedy: 'Services resume it. To pause a run there is `leat pause`.',
    isMended: true,
    holdsUp: true,
  },

  'max-deliver': {
    severity: 'error',
    what: '`max_deliver` is not -1.',
    consequence:
      'A chunk that was delivered that often stays in the stream for ever and is never delivered again.',
    remedy: 'Services make the consumer again: Leat counts attempts itself.',
    isMended: true,
    holdsUp: true,
  },

  'ack-pending-low': {
    severity: 'warning',
    what: '`max_ack_pending` is below the most messages that the services were given for a queue.',
    consequence:
      'Replicas beyond it get nothing to do, and chunks that wait for a retry hold up all others.',
    remedy: 'Set it to that number.',
    isMended: true,
    holdsUp: true,
  },

  'ack-wait-long': {
    severity: 'warning',
    what: '`ack_wait` is longer than 60 s.',
    consequence: 'The chunks of a replica that dies stand still for that long.',
    remedy: 'Set it to 10 s: chunks in hand are extended for as long as their replica lives.',
    isMended: true,
    holdsUp: true,
  },
  'ack-wait-short': {
    severity: 'warning',
    what: '`ack_wait` is shorter than 2 s.',
    consequence: 'A short hiccup of the network hands chunks out twice.',
    remedy: 'Set it to 10 s.',
    isMended: true,
  },
  'run-held-up': {
    severity: 'warning',
    what: 'A stage of a run has said within the last minute what holds it up.',
    consequence: 'Chunks of the run wait until that is mended.',
    remedy:
      'Do what the sentence says. If it says only that JetStream does not answer, see the server’s log: its store may not be writable.',
  },
  'queue-stands-still': {
    severity: 'warning',
    what: 'Messages wait and nobody pulls, in two looks; those that were handed out show no sign of life.',
    consequence: 'The runs that they belong to do not go on.',
    remedy:
      'Start the service that reads from this stream: a mapper, a saver, or for receipts a fetcher.',
    holdsUp: true,
  },
  'queue-quiet': {
    severity: 'note',
    what: 'Messages are held, nobody pulls, and none was delivered or acknowledged for 5 minutes; whether their holders live could not be told.',
    consequence: 'Either chunks take that long, or the replicas that held them are gone.',
    remedy: 'See whether the replicas of that stage are alive.',
  },
  'queue-nearly-full': {
    severity: 'note',
    what: 'A queue has more than 90 % of the messages or bytes that it may have.',
    consequence: 'The stages before it wait: this is back pressure, and nothing is lost.',
    remedy: 'If it lasts, give the stage behind it more replicas.',
  },
  'dead-letters-nearly-full': {
    severity: 'warning',
    what: 'The dead letters’ stream has more than 80 % of the messages or bytes that it may have.',
    consequence: 'When it is full, a chunk with a bad record cannot be settled, and its run waits.',
    remedy:
      'See what fails, purge the dead letters of runs that are done with, or raise `max_bytes`.',
    holdsUp: true,
  },
  leftovers: {
    severity: 'warning',
    what: 'Queues or receipts have messages of a run that has ended, or that is not known.',
    consequence:
      'They take up room in the queue; chunks are worked on to no effect, receipts are never read.',
    remedy:
      'Remove them: `nats stream purge STREAM --subject` with the subject that is named here.',
  },
};
