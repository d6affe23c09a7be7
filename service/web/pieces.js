// Vocabulary entries as people can read them.

const SPACE = "\u2581";

/** A token: "▁word" is the start of a word; "<2ru>" asks for Russian. */
export function shown(token) {
  return shownPiece(token.piece);
}

export function shownPiece(piece) {
  const language = /^<2(.+)>$/.exec(piece);
  if (language) return `→ ${language[1]}`;
  if (piece === "</s>") return "∎";
  return piece.replaceAll(SPACE, " ").trim() || "␣";
}

/** The text of a list of pieces; bytes that make up one character are joined. */
export function spell(pieces) {
  const bytes = [];
  const encoder = new TextEncoder();
  for (const piece of pieces) {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
    if (byte) bytes.push(parseInt(byte[1], 16));
    else bytes.push(...encoder.encode(piece.replaceAll(SPACE, " ")));
  }
  return new TextDecoder().decode(new Uint8Array(bytes)).trim();
}
