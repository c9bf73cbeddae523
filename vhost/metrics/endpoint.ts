/**
 * Answers `GET /metrics` (HTTP/1.1, one request a connection) from within the loop.
 *
 * @module
 */

import { POLLIN, POLLOUT } from "../../ffi/libc/constants.ts";
import { close, setNonBlocking } from "../../ffi/libc/file.ts";
import { receive, send } from "../../ffi/libc/socket.ts";
import { acceptTcp } from "../../ffi/libc/tcp.ts";
import type { Loop } from "../loop.ts";

const MOST_CLIENTS = 8;
const LONGEST_REQUEST = 8192;
const PATIENCE_MS = 5000;
const TYPE = "text/plain; version=0.0.4; charset=utf-8";
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** One who asks. */
interface Client {
  readonly socket: number;
  readonly sinceMs: number;
  request: string;
  /** What is still to be sent. */
  answer: Uint8Array;
}

/** See the module. */
export class MetricsEndpoint {
  readonly #clients = new Set<Client>();
  readonly #idle = (): number => this.#dropSlow();

  /**
   * @param listening becomes the endpoint's own.
   * @param text makes the answer.
   */
  constructor(
    readonly listening: number,
    readonly loop: Loop,
    readonly text: () => string,
  ) {
    setNonBlocking(listening);
    loop.watch(listening, () => this.#accept());
    loop.addIdle(this.#idle);
  }

  #accept(): void {
    const socket = acceptTcp(this.listening);
    if (socket < 0) return;
    if (this.#clients.size >= MOST_CLIENTS) {
      close(socket);
      return;
    }
    const answer = new Uint8Array(0);
    const client: Client = { socket, sinceMs: performance.now(), request: "", answer };
    this.#clients.add(client);
    this.loop.watch(socket, () => this.#guarded(client, () => this.#read(client)), POLLIN);
  }

  /** Whatever happens to a connection ends that connection only. */
  #guarded(client: Client, run: () => void): void {
    try {
      run();
    } catch {
      this.#drop(client);
    }
  }

  #read(client: Client): void {
    const bytes = new Uint8Array(2048);
    const { length, descriptors } = receive(client.socket, bytes, 0);
    for (const descriptor of descriptors) close(descriptor);
    if (length < 0) return;
    client.request += decoder.decode(bytes.subarray(0, length));
    const whole = client.request.includes("\r\n\r\n");
    if (length === 0 || (!whole && client.request.length > LONGEST_REQUEST)) this.#drop(client);
    else if (whole) this.#answer(client);
  }

  #answer(client: Client): void {
    const [method, path] = client.request.split(" ", 2);
    const found = path === "/metrics" || path === "/";
    const status = method !== "GET" ? "405 Method Not Allowed" : found ? "200 OK" : "404 Not Found";
    const body = encoder.encode(status === "200 OK" ? this.text() : `${status}\n`);
    const head = encoder.encode(
      `HTTP/1.1 ${status}\r\nContent-Type: ${TYPE}\r\nContent-Length: ${body.length}\r\n` +
        "Connection: close\r\n\r\n",
    );
    client.answer = new Uint8Array(head.length + body.length);
    client.answer.set(head);
    client.answer.set(body, head.length);
    this.loop.unwatch(client.socket);
    this.loop.watch(client.socket, () => this.#guarded(client, () => this.#write(client)), POLLOUT);
    this.#guarded(client, () => this.#write(client));
  }

  #write(client: Client): void {
    const sent = send(client.socket, client.answer);
    if (sent > 0) client.answer = client.answer.subarray(sent);
    if (client.answer.length === 0) this.#drop(client);
  }

  #drop(client: Client): void {
    if (!this.#clients.delete(client)) return;
    this.loop.unwatch(client.socket);
    close(client.socket);
  }

  #dropSlow(): number {
    const now = performance.now();
    for (const client of this.#clients) {
      if (now - client.sinceMs > PATIENCE_MS) this.#drop(client);
    }
    return this.#clients.size > 0 ? PATIENCE_MS : Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.loop.unwatch(this.listening);
    this.loop.removeIdle(this.#idle);
    for (const client of [...this.#clients]) this.#drop(client);
    close(this.listening);
  }
}
