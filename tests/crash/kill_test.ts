import { command } from "../harness/commands.ts";
import { kernelExt4, logOf } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { numberFromEnv, printedSeed, Random } from "../harness/seed.ts";
import { fuse, programs, root, testWith } from "../harness/skip.ts";
import { newCounts } from "./judges.ts";
import { killOnce, type KillRound } from "./kill.ts";
import { Outside } from "./outside.ts";
import { PLAIN_SHAPES } from "./shapes.ts";
import { WORKLOADS } from "./workloads.ts";

/** How often the process is killed; a long run is KFS_KILLS=500. */
const KILLS = numberFromEnv("KFS_KILLS", 12);
const ROUND_LIMIT_MS = 15_000;

function roundOf(index: number, random: Random): KillRound {
  const shape = PLAIN_SHAPES[index % PLAIN_SHAPES.length];
  const workload = [...WORKLOADS.keys()][index % WORKLOADS.size];
  if (shape === undefined || workload === undefined) throw new Error("nothing to do");
  return {
    shape,
    workload,
    seed: random.next(),
    workMs: random.between(20, random.pick([100, 600])),
    noise: random.chance(40),
    ...(random.chance(25) ? { againMs: random.between(30, 400) } : {}),
    remount: random.chance(25),
  };
}

testWith({
  name: `kill -9 under load loses nothing that was synced (${KILLS} times)`,
  needs: [command("kfs"), fuse, root, programs("e2fsck")],
  timeoutMs: 60_000 + KILLS * ROUND_LIMIT_MS,
  async fn() {
    const seed = printedSeed("kill -9");
    const random = new Random(seed);
    const counts = newCounts();
    const kernel = kernelExt4() === undefined ? 20 : 0;
    let steps = 0;
    for (let index = 0; index < KILLS; index++) {
      const round = roundOf(index, random);
      using scratch = new Scratch("kill");
      using outside = new Outside(round.shape.sizeBytes);
      const judges = { readOnly: 20, e2fsckAfter: 100, e2fsckInstead: 50, replay: 30, kernel };
      try {
        steps += await killOnce(round, scratch, outside, judges, counts);
      } catch (error) {
        const { shape, workload, ...how } = round;
        const where = `kill ${index} of seed ${seed}: ${workload} on ${shape.name}`;
        throw new Error(
          `${where} ${JSON.stringify(how)}\n${logOf(scratch.path("image"))}`,
          { cause: error },
        );
      }
      if (index % 10 === 9) console.log(`${index + 1} kills, ${steps} steps`);
    }
    const { states, ...others } = counts;
    console.log(`${states} kills after ${steps} steps: nothing lost ${JSON.stringify(others)}`);
  },
});
