/** @file Asks for the API key, once. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { apiKey } from "../api/apiKey.ts";

export function KeyQuestion() {
  const [key, setKey] = useState("");
  const queryClient = useQueryClient();
  return (
    <form
      className="card narrow"
      onSubmit={(event) => {
        event.preventDefault();
        apiKey.set(key.trim());
        void queryClient.resetQueries();
      }}
    >
      <h1>This server wants an API key</h1>
      <p>It is one of those that the server was started with (--api-key). This browser keeps it.</p>
      <label>
        API key
        <input
          type="password"
          autoComplete="off"
          value={key}
          onChange={(event) => setKey(event.target.value)}
          required
        />
      </label>
      <button type="submit">Use this key</button>
    </form>
  );
}
