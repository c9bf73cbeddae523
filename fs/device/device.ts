/**
 * The block device interface: the only way in which the engine reaches storage.
 *
 * @module
 */

/**
 * Storage of a fixed size, addressed in bytes. All methods are synchronous and complete: they move
 * every byte or throw a `DeviceError`.
 */
export interface BlockDevice {
  /** Size in bytes. */
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Fills `target` from `offsetBytes`. Reading past the end throws. */
  read(target: Uint8Array, offsetBytes: number): void;
  /** Writes all of `source` at `offsetBytes`. Writing past the end throws. */
  write(source: Uint8Array, offsetBytes: number): void;
  /** Writes the sources one after the other, from `offsetBytes` on, in as few calls as possible. */
  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void;
  /** Returns once everything written is durable (fdatasync). */
  flush(): void;
  /** Makes the range read as zeros, without writing where the storage can do so. */
  zero(offsetBytes: number, lengthBytes: number): void;
  /** Tells that the range is no longer used; its content is undefined afterwards. Returns false when the storage cannot do it. */
  discard(offsetBytes: number, lengthBytes: number): boolean;
  /**
   * For storage that other hosts reach: hands what was written in the range to the storage (without
   * waiting for it to be durable) and forgets the host's copy, so that the next read asks the storage.
   * Left out where nobody else can change it.
   */
  settle?(offsetBytes: number, lengthBytes: number): void;
  close(): void;
}
