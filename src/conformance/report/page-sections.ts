// The headings of spec/talkbyte.md, so that the page can say more than a number; a test holds this table to the document.

export const sectionTitles: Readonly<Record<string, string>> = {
  "1": "Conventions",
  "2": "Connection",
  "3": "Framing",
  "3.1": "The frame",
  "3.2": "Fields",
  "3.3": "Order of judgement",
  "3.4": "Extension frames",
  "4": "Frames",
  "4.1": "HELLO",
  "4.2": "WELCOME",
  "4.3": "AUTH",
  "4.4": "CHALLENGE",
  "4.5": "RESPONSE",
  "4.6": "AUTHENTICATED",
  "4.7": "REFUSED",
  "4.8": "MESSAGE",
  "4.9": "REPLY",
  "4.10": "PING",
  "4.11": "PONG",
  "4.12": "STOP",
  "4.13": "STOPPED",
  "4.14": "GOAWAY",
  "4.15": "ERROR",
  "5": "Session",
  "5.1": "Server",
  "5.2": "Client",
  "6": "Authentication",
  "6.1": "Login",
  "6.2": "Refusals",
  "6.3": "The mechanism PASSWORD",
  "6.4": "The mechanism OPAQUE",
  "6.5": "Which mechanism a client chooses",
  "7": "Messages",
  "7.1": "Replies",
  "7.2": "Messages under way",
  "7.3": "PING and PONG",
  "8": "Limits and deadlines",
  "8.1": "Limits",
  "8.2": "Deadlines",
  "9": "Endings",
  "9.1": "STOP",
  "9.2": "End of stream",
  "9.3": "GOAWAY",
  "9.4": "Closing",
  "9.5": "Revocation",
  "10": "Errors",
  "10.1": "Codes",
  "10.2": "What an error does",
  "11": "TLS",
  "11.1": "Binding",
  "11.2": "Verifying the server",
  "11.3": "Plaintext",
  "12": "Versions and extensions",
  "13": "Security considerations",
};

export function chapterOf(section: string): string {
  return section.split(".")[0] ?? section;
}

// "3.1 The frame"; a section that the table lacks keeps its number.
export function sectionName(section: string): string {
  return `${section} ${sectionTitles[section] ?? ""}`.trim();
}

export function compareSections(a: string, b: string): number {
  const [left, right] = [a, b].map((section) => section.split(".").map(Number));
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
