// Calls identify, which says who this machine is and by which access key, until it
// was by as many keys as the program's second argument says, and prints what it says.
export async function uses(identify) {
  const keys = new Set();
  while (keys.size < Number(process.argv[3])) {
    const { arn, key } = await identify(process.argv[2]);
    if (keys.size === 0) console.log(`arn=${arn}`);
    if (!keys.has(key)) console.log(`key=${key}`);
    keys.add(key);
    await new Promise((next) => setTimeout(next, 200));
  }
}
