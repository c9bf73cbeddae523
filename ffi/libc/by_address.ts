/**
 * Opening functions of a library by their addresses: for those that are called a few times only. Nothing
 * is compiled for them, as `Deno.dlopen` does for each function (0.3 ms); a call costs some 0.5 µs more.
 *
 * @module
 */

/** The functions of a library that are defined like this. @throws what `Deno.dlopen` throws. */
export function openByAddress<Definitions extends Readonly<Record<string, Deno.ForeignFunction>>>(
  library: string,
  definitions: Definitions,
): Deno.DynamicLibrary<Definitions>["symbols"] {
  const statics = Object.keys(definitions).map((name) => [name, { type: "pointer" }] as const);
  const addresses: Readonly<Record<string, Deno.PointerValue>> =
    Deno.dlopen(library, Object.fromEntries(statics)).symbols;
  const functions = Object.entries(definitions).map(([name, definition]) => {
    const address = addresses[name] ?? null;
    if (address === null) throw new Error(`${library} has no ${name}`);
    const pointer = new Deno.UnsafeFnPointer(
      address as Deno.PointerObject<typeof definition>,
      definition,
    );
    return [name, pointer.call.bind(pointer)] as const;
  });
  return Object.fromEntries(functions) as unknown as Deno.DynamicLibrary<Definitions>["symbols"];
}
