import { Sessions } from "./auth/session.js";
import { loadConfig } from "./config/env.js";
import { Database } from "./database/pool.js";
import { createApiServer, loadRoutes } from "./http/server.js";
import { createServices } from "./services/index.js";

const config = loadConfig();
const database = new Database(config.database);
const services = createServices(database);
const sessions = new Sessions(config, services.members);

const server = createApiServer({
  routes: await loadRoutes({ config, services }),
  authenticate: (authorization) => sessions.authenticate(authorization),
  bodyLimitBytes: config.bodyLimitBytes,
  log: config.environment === "test" ? () => {} : console.log,
});

server.listen(config.port, config.host, () => {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : config.port;
  console.log(`ClubOS listens on http://${config.host}:${port}`);
});

function stop(): void {
  server.close(() => void database.close());
  server.closeIdleConnections();
}

process.once("SIGINT", stop);
process.once("SIGTERM", stop);
