// Makes the first administrator, or helps one who is locked out:
//   npm run create-admin -- EMAIL "FULL NAME"      reads the password from standard input

import { text } from "node:stream/consumers";
import { loadDatabaseConfig } from "../config/env.js";
import { Database } from "../database/pool.js";
import { Fields } from "../http/fields.js";
import { MemberService } from "../services/members.js";
import { hashPassword } from "./password.js";

async function main(email: string, fullName: string): Promise<void> {
  if (process.stdin.isTTY) console.error("Password (at least 12 characters), then Enter and Ctrl-D:");
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  const input = new Fields({ email, fullName, password });
  const hash = await hashPassword(input.password("password"));

  const db = new Database(loadDatabaseConfig());
  try {
    const members = new MemberService(db);
    const id = await members.appointAdmin(input.email("email"), input.text("fullName"));
    await members.setPassword(null, id, hash);
    console.log(`${input.email("email")} is an administrator now.`);
  } finally {
    await db.close();
  }
}

const [email, fullName] = process.argv.slice(2);
if (email === undefined || fullName === undefined) {
  console.error('usage: create-admin EMAIL "FULL NAME" < password');
  process.exitCode = 2;
} else {
  await main(email, fullName).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
