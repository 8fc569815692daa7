// Checks a receipt's bundle with the verifier of Sigstore: node verify.js BUNDLE ROOT SIGNER.pem. Exit code 1 with a reason when it is refused.
const { readFileSync } = require("node:fs");
const { createPublicKey } = require("node:crypto");
const { bundleFromJSON } = require("@sigstore/bundle");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [bundleFile, rootFile, signerFile] = process.argv.slice(2);
const json = (file) => JSON.parse(readFileSync(file, "utf8"));

try {
  const bundle = bundleFromJSON(json(bundleFile));
  const signer = createPublicKey(readFileSync(signerFile)).export({ type: "spki", format: "der" });
  const hint = bundle.verificationMaterial.content.publicKey.hint;
  const material = toTrustMaterial(TrustedRoot.fromJSON(json(rootFile)), { [hint]: { rawBytes: signer } });
  // A receipt has no signed time, and its key no certificate.
  const verifier = new Verifier(material, { tlogThreshold: 1, timestampThreshold: 0, ctlogThreshold: 0 });
  verifier.verify(toSignedEntity(bundle));
  console.log("accepted");
} catch (error) {
  console.log(`refused: ${error.code ?? error.name}`);
  process.exitCode = 1;
}
