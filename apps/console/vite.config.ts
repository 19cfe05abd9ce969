/** @file The console's bundle: static files that the gateway serves at `/` (apps/server/src/http/console.ts). */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: { assetsDir: "console", target: "es2024" },
  // `npx vite apps/console` while one works on it: a gateway answers what is not a file of the console.
  server: {
    proxy: { "^/(?!(src|node_modules|@|index.html)).+": process.env["STAGECOACH_URL"] ?? "http://127.0.0.1:8080" },
  },
});
