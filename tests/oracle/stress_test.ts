import { numberFromEnv } from "../harness/seed.ts";
import { syncReturns } from "../harness/skip.ts";
import { script, testProgram } from "./program_case.ts";

/** File-system stressors of stress-ng whose work a file system must get through without a fault. */
const STRESSORS: readonly string[] = [
  "access",
  "chdir",
  "chmod",
  "chown",
  "copy-file",
  "dentry",
  "dir",
  "dirdeep",
  "dirmany",
  "dup",
  "fallocate",
  "fcntl",
  "file-ioctl",
  "filename",
  "flock",
  "fpunch",
  "fstat",
  "getdent",
  "hdd",
  "inode-flags",
  "io",
  "iomix",
  "link",
  "lockf",
  "lockofd",
  "mknod",
  "metamix",
  "mmap",
  "open",
  "readahead",
  "rename",
  "seek",
  "sync-file",
  "symlink",
  "touch",
  "unlink",
  "utime",
  "verity",
  "xattr",
];

/** Groups of stressors, one after another on one mount. */
const GROUPS = 4;

const seconds = numberFromEnv("KFS_STRESS_SECONDS", 1);

for (let group = 0; group < GROUPS; group++) {
  const chosen = STRESSORS.filter((_, index) => index % GROUPS === group);
  testProgram({
    name: `stress-ng: ${chosen.join(" ")}`,
    programs: ["stress-ng"],
    // Several of them call sync(2), now and then.
    needs: [syncReturns],
    work(mounted) {
      script(
        mounted,
        `known=$(stress-ng --stressors)
        for stressor in $1; do
          case " $known " in *" $stressor "*) ;; *) continue ;; esac
          timeout 60 stress-ng --temp-path . --timeout ${seconds}s --verify --quiet \\
            --hdd-bytes 16m --iomix-bytes 16m --seek-size 8m --fallocate-bytes 32m \\
            --copy-file-bytes 128m --sync-file-bytes 8m --mmap-bytes 8m --mmap-file \\
            --readahead-bytes 16m --$stressor 2 ||
            { echo "stressor $stressor: status $?" >&2; exit 1; }
        done`,
        chosen.join(" "),
      );
    },
  });
}
