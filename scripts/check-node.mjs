// Runs after each install, on any Node from 20 (so it is plain JavaScript).
//
// TypeScript files run directly, which needs Node 22.18. The optional dependencies bring Node 24
// for Linux (x64, arm64) and macOS (x64); npm has no Node 24 package for macOS on arm64, so there
// the machine's own Node is used and must be new enough.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Meshwork needs Node 22.18 or newer, and this script runs on ${process.version}. ` +
      `On ${process.platform} ${process.arch} no Node comes with the clone` +
      ' (or optional dependencies were left out of the install): install Node 24 and try again,' +
      ' for instance with "brew install node@24" or from https://nodejs.org.',
  );
  process.exit(1);
}
