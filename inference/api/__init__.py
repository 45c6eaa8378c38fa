"""The endpoints that applications call, in OpenAI's wire format.

app          joins the endpoints; starts and drains what they need
endpoints    those that run a model: accept, admit, answer
answering    one admitted request, to its terminal event; ending sees that it is recorded
scanning     what stands in texts, for no model; models: GET /v1/models
screen       what only an answer holds: masked, or its end
answer       engine chunks -> the caller's chunks, or one whole answer; by endpoint in
             chat_answer, completion_answer, embedding_answer
body         bytes -> a JSON value that is safe to handle
asked        a JSON value -> a checked call: `protocol` and `schema` for chat, `completions`,
             `embeddings`
auth         who calls; callers: or a refusal that is counted; limits: how much they may
subjects     whom it is about
request_ids  their ids
plane        the running parts that the endpoints stand on; measures: their figures
rejections   refused calls, counted into the record
errors       OpenAI's shape of an error
http, sse    writing responses, noticing that the caller went
"""
