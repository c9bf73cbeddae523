/**
 * Numbers of the vhost-user protocol and of virtio.
 *
 * Sources: QEMU's docs/interop/vhost-user.rst; the OASIS virtio specification 1.2 (sections 2.7, 5.11, 6).
 *
 * @module
 */

/** Messages from the front-end (VHOST_USER_*). */
export const REQUEST = {
  GET_FEATURES: 1,
  SET_FEATURES: 2,
  SET_OWNER: 3,
  RESET_OWNER: 4,
  SET_MEM_TABLE: 5,
  SET_LOG_BASE: 6,
  SET_LOG_FD: 7,
  SET_VRING_NUM: 8,
  SET_VRING_ADDR: 9,
  SET_VRING_BASE: 10,
  GET_VRING_BASE: 11,
  SET_VRING_KICK: 12,
  SET_VRING_CALL: 13,
  SET_VRING_ERR: 14,
  GET_PROTOCOL_FEATURES: 15,
  SET_PROTOCOL_FEATURES: 16,
  GET_QUEUE_NUM: 17,
  SET_VRING_ENABLE: 18,
  SET_BACKEND_REQ_FD: 21,
  GET_CONFIG: 24,
  SET_CONFIG: 25,
  GET_INFLIGHT_FD: 31,
  SET_INFLIGHT_FD: 32,
  RESET_DEVICE: 34,
  GET_MAX_MEM_SLOTS: 36,
  ADD_MEM_REG: 37,
  REM_MEM_REG: 38,
  SET_STATUS: 39,
  GET_STATUS: 40,
  GET_SHMEM_CONFIG: 44,
} as const;

const NAMES = new Map<number, string>(Object.entries(REQUEST).map(([name, id]) => [id, name]));

/** The name of a message, for people. */
export function requestName(request: number): string {
  return NAMES.get(request) ?? `message ${request}`;
}

/** Flags of the message header: the version in the two lowest bits. */
export const VERSION = 1;
export const VERSION_MASK = 3;
export const FLAG_REPLY = 1 << 2;
export const FLAG_NEED_REPLY = 1 << 3;

/** Bytes of the header: request, flags, payload size. */
export const HEADER_BYTES = 12;

/** Feature bits (virtio's, and two of vhost's). */
export const FEATURE = {
  INDIRECT_DESC: 28,
  EVENT_IDX: 29,
  PROTOCOL_FEATURES: 30,
  VERSION_1: 32,
} as const;

/** VIRTIO_F_RING_PACKED: queues of the other kind, where a front-end wants them. */
export const FEATURE_PACKED = 34;

/** Bits of the protocol's own features (VHOST_USER_PROTOCOL_F_*). */
export const PROTOCOL_FEATURE = {
  MQ: 0,
  REPLY_ACK: 3,
  BACKEND_REQ: 5,
  CONFIG: 9,
  BACKEND_SEND_FD: 10,
  INFLIGHT_SHMFD: 12,
  RESET_DEVICE: 13,
  CONFIGURE_MEM_SLOTS: 15,
  STATUS: 16,
  SHMEM: 22,
} as const;

/** Messages to the front-end, over the back-end's own channel (VHOST_USER_BACKEND_*). */
export const BACKEND_REQUEST = {
  SHMEM_MAP: 9,
  SHMEM_UNMAP: 10,
} as const;

/** Payload of SHMEM_MAP and SHMEM_UNMAP: region 0, offset in the file 8, in the region 16, length 24, flags 32. */
export const MAP_BYTES = 40;
/** The mapping may be written. */
export const MAP_WRITABLE = 1;
/** Payload of GET_SHMEM_CONFIG: the number of regions, padding, 256 sizes. */
export const SHMEM_CONFIG_BYTES = 8 + 256 * 8;

/** `u64` of SET_VRING_KICK and its like: the queue, and whether no descriptor comes along. */
export const VRING_INDEX_MASK = 0xff;
export const VRING_NO_DESCRIPTOR = 0x100;

/** The most regions in one SET_MEM_TABLE. */
export const MOST_TABLE_REGIONS = 8;
/** The most regions by ADD_MEM_REG. */
export const MOST_MEMORY_SLOTS = 509;
/** The largest virtqueue. */
export const LARGEST_QUEUE = 32768;

/** Bits of a descriptor's flags (VIRTQ_DESC_F_*). */
export const DESCRIPTOR_NEXT = 1;
export const DESCRIPTOR_WRITE = 2;
export const DESCRIPTOR_INDIRECT = 4;
/** `struct virtq_desc`: address 0, length 8, flags 12, next 14. */
export const DESCRIPTOR_BYTES = 16;
/** VIRTQ_AVAIL_F_NO_INTERRUPT, VIRTQ_USED_F_NO_NOTIFY. */
export const AVAILABLE_NO_INTERRUPT = 1;
export const USED_NO_NOTIFY = 1;

/** Bits of the device status. */
export const STATUS_FEATURES_OK = 8;
export const STATUS_DRIVER_OK = 4;

/** `struct virtio_fs_config`: the tag and the number of request queues. */
export const TAG_BYTES = 36;
export const CONFIG_BYTES = 40;
/** VHOST_USER_MAX_CONFIG_SIZE. */
export const LARGEST_CONFIG_BYTES = 256;
