/** @file Entry: the shell, with a client that remembers what was asked. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client.ts";
import { Shell } from "./shell/Shell.tsx";
import "./ui/theme.css";

const queryClient = new QueryClient({
  defaultOptions: {
    // What the server has refused it refuses again; what did not arrive may arrive.
    queries: { retry: (failures, error) => !(error instanceof ApiError) && failures < 2, refetchOnWindowFocus: false },
  },
});

createRoot(document.querySelector("#root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Shell />
    </QueryClientProvider>
  </StrictMode>,
);
