<?php
// Calls operations by the served WSDL, as a program with PHP's SOAP extension does. Argument and
// streams are those of zeep_client.py.

function argumentsOf(array $call): array
{
    if (isset($call['arguments'])) {
        return $call['arguments'];
    }
    $attributes = [];
    foreach ($call['attributes'] as $name => $value) {
        $attributes[] = ['value' => $value, 'attributeID' => $name];
    }
    return [$call['set'] => ['attributes' => $attributes]];
}

function answerOf(SoapClient $client, array $call)
{
    try {
        return $client->__soapCall($call['operation'], [argumentsOf($call)]);
    } catch (SoapFault $fault) {
        return ['fault' => $fault->faultcode, 'text' => $fault->faultstring];
    }
}

$client = new SoapClient($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE, 'exceptions' => true]);
$answers = [];
foreach (json_decode(stream_get_contents(STDIN), true) as $call) {
    $answers[] = answerOf($client, $call);
}
echo json_encode($answers);
