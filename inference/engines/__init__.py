"""Engines: programs that run a model. All speak OpenAI's wire format on a Unix socket.

base              the contract, and its errors
wire              a request and its event stream over a Unix socket
answers           what a server answers: events up to their end, or one whole
server            a supervised child process: started, watched, restarted, never orphaned
group             a child and the processes it has started, ended as one
leash             ties a child to its parent's life, then becomes the engine's program
llamacpp          llama.cpp: what it is asked for, and how its answers are put right
llamacpp_body     requests as llama.cpp reads them; llamacpp_chunks: its answers as OpenAI's
llamacpp_server   the child process of llamacpp
vllm              vLLM: how its server is started and asked
vllm_command      the command that starts it, and the environment that keeps it silent
vllm_body         requests as vLLM reads them, and its answers as OpenAI's
vllm_load         what it has to do, by its own metrics
vllm_progress     whether it gets on with what it has to do
vllm_server       the child process of vllm, which runs in an environment of its own
"""
