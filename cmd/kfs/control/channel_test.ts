import assert from "node:assert/strict";
import {
  decodeFrame,
  encodeFrame,
  FRAME,
  type Frame,
  FRAME_BYTES,
  MAX_REQUEST_BYTES,
  PIECE_BYTES,
} from "../../shared/control_protocol.ts";
import { ControlChannel } from "./channel.ts";

const OWNER = 1000;

function exchange(
  channel: ControlChannel,
  frame: Omit<Frame, "version">,
  uid = OWNER,
): number | Frame {
  const memory = new Uint8Array(FRAME_BYTES);
  encodeFrame(memory, frame);
  const result = channel.handle(uid, memory, memory);
  return result < 0 ? result : decodeFrame(memory) ?? "no frame" as never;
}

/** Answers each message with itself, twice. */
function echo(message: Uint8Array): Uint8Array {
  const twice = new Uint8Array(2 * message.length);
  twice.set(message);
  twice.set(message, message.length);
  return twice;
}

function send(channel: ControlChannel, message: Uint8Array): Frame {
  let reply: Frame | undefined;
  for (let offset = 0; offset < message.length; offset += PIECE_BYTES) {
    const answer = exchange(channel, {
      kind: FRAME.SEND,
      exchange: reply?.exchange ?? 0,
      total: message.length,
      offset,
      bytes: message.subarray(offset, offset + PIECE_BYTES),
    });
    assert.ok(typeof answer !== "number", `errno ${answer}`);
    reply = answer;
  }
  assert.ok(reply !== undefined);
  return reply;
}

Deno.test("control channel: a message of several frames comes and goes whole", () => {
  const channel = new ControlChannel(OWNER, echo);
  const message = crypto.getRandomValues(new Uint8Array(50_000));
  let reply = send(channel, message);
  const got: number[] = [];
  for (;;) {
    assert.equal(reply.offset, got.length);
    got.push(...reply.bytes);
    if (got.length === reply.total) break;
    const { exchange: id } = reply;
    const fetch = { kind: FRAME.FETCH, exchange: id, total: 0, offset: got.length };
    const next = exchange(channel, { ...fetch, bytes: new Uint8Array(0) });
    assert.ok(typeof next !== "number", `errno ${next}`);
    reply = next;
  }
  assert.deepEqual(new Uint8Array(got), echo(message));
});

Deno.test("control channel: only root and the owner, and each his own exchanges", () => {
  const channel = new ControlChannel(OWNER, echo);
  const whole = { kind: FRAME.SEND, exchange: 0, total: 1, offset: 0, bytes: new Uint8Array(1) };
  assert.equal(exchange(channel, whole, 1001), -1);
  assert.equal(typeof exchange(channel, whole, 0), "object");
  const begun = exchange(channel, { ...whole, total: 2 });
  assert.ok(typeof begun !== "number");
  const more = { ...whole, exchange: begun.exchange, total: 2, offset: 1 };
  assert.equal(exchange(channel, more, 0), -2);
  assert.equal(typeof exchange(channel, more), "object");
});

Deno.test("control channel: nonsense is refused and nothing grows", () => {
  const channel = new ControlChannel(OWNER, echo);
  const output = new Uint8Array(FRAME_BYTES);
  assert.equal(channel.handle(0, new Uint8Array(FRAME_BYTES), output), -22, "no magic");
  assert.equal(channel.handle(0, new Uint8Array(10), output), -22, "a short frame");
  for (let round = 0; round < 2000; round++) {
    const random = new Uint32Array(6);
    crypto.getRandomValues(random);
    const [kind = 0, id = 0, total = 0, offset = 0, length = 0] = random;
    const frame = new Uint8Array(FRAME_BYTES);
    encodeFrame(frame, {
      kind: kind % 6,
      exchange: id % 3 === 0 ? 0 : id % 40,
      total: total % (2 * MAX_REQUEST_BYTES),
      offset: offset % 2 === 0 ? 0 : offset,
      bytes: new Uint8Array(length % PIECE_BYTES),
    });
    if (round % 10 === 0) new DataView(frame.buffer).setUint32(20, length, true);
    const result = channel.handle(0, frame, output);
    assert.ok(result === FRAME_BYTES || (result < 0 && result > -512), String(result));
  }
  const ask = { kind: FRAME.SEND, exchange: 0, total: 0, offset: 0, bytes: new Uint8Array(0) };
  assert.equal(typeof exchange(channel, ask), "object", "an empty message is answered");
});
